// What a start refuses and --check says before, odd surroundings, reloads, and what is said at the end.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
    assertError,
    assertStored,
    fairlead,
    hasProgram,
    startServer,
    temporaryDirectory,
    uniqueEvent,
    within,
} from './harness.mjs';

const SECRET = 'test-secret-local-0001';

function makePair(directory, name) {
    const cert = path.join(directory, `${name}.pem`);
    const key = path.join(directory, `${name}.key`);
    const made = spawnSync('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', '/CN=localhost', '-keyout', key, '-out', cert],
    ]);
    assert.equal(made.status, 0, made.stderr.toString());
    return { cert, key };
}

test('--check refuses what serve refuses, and serve makes nothing before', async (t) => {
    const directory = temporaryDirectory(t);
    const cases = [
        [['--listen', 'nowhere'], /nowhere/],
        [['--listen', '127.0.0.1:65536'], /65536/],
        [['--listen', '127.0.0.1:'], /127\.0\.0\.1:/],
        [['--listen', '999.1.1.1:5000'], /999\.1\.1\.1/],
        [['--path', '/healthz'], /--path.*\/healthz/s],
        [['--path', '/api/v1/events'], /--path/],
        [['--path', '/'], /--path: \/ would hide/],
        [['--data', ''], /--data: .*empty/],
        [['--tls-cert', 'none.pem', '--tls-key', 'none.key'], /--tls-cert: .*none\.pem/],
        [['--tls-key', 'none.key'], /--tls-key: needs --tls-cert/],
        [['--config', 'none.ini'], /--config: .*none\.ini/],
        [['--secret', 'one', '--secret', ''], /--secret: the secret is empty/],
        [['--max-body', '2MiB', '--queue-bytes', '1MiB'], /max-body 2MiB \(--max-body\).*queue-bytes 1MiB \(--queue-bytes\)/],
        [['--abandoned-after', '5s'], /slow-after 1m \(default\).*abandoned-after 5s \(--abandoned-after\)/],
    ];
    for (const [args, sentence] of cases) {
        for (const check of [['--check'], []]) {
            const result = await fairlead(['serve', ...check, ...args], { cwd: directory });
            assert.equal(result.code, 2, `${args} ${check}: ${result.stderr}`);
            assert.match(result.stderr, sentence);
        }
    }
    assert.deepEqual(fs.readdirSync(directory), []);
});

test('what is wrong with a value names the line or the variable that it came from', async (t) => {
    const directory = temporaryDirectory(t);
    const config = path.join(directory, 'fairlead.ini');
    const cases = [
        ['listen = 1', 'listen'],
        ['path = webhook', 'path'],
        ['path = /healthz', 'path'],
        ['data =', 'data'],
        ['secret =', 'secret'],
        ['verify = composio', 'verify'],
        ['admin-token = short', 'admin-token'],
        ['slow-after = 20m', 'slow-after'],
        ['tls-cert = none.pem\ntls-key = none.key', 'tls-cert'],
    ];
    for (const [text, option] of cases) {
        fs.writeFileSync(config, `print = none\n\n${text}\n`);
        const inFile = await fairlead(['serve', '--check', '--config', 'fairlead.ini'], { cwd: directory });
        assert.equal(inFile.code, 2, inFile.stderr);
        assert.match(inFile.stderr, new RegExp(`^fairlead serve: .*fairlead\\.ini:3`), text);
        assert.ok(inFile.stderr.includes(option), inFile.stderr);

        const lines = text.split('\n').map((line) => line.split(/ = ?/));
        if (lines[0][1] === '' || lines[0][1] === undefined) continue; // an empty variable is one that is not set
        const variable = (name) => `FAIRLEAD_${name.toUpperCase().replaceAll('-', '_')}`;
        const env = Object.fromEntries(lines.map(([name, value]) => [variable(name), value]));
        const inEnvironment = await fairlead(['serve', '--check'], { cwd: directory, env });
        assert.equal(inEnvironment.code, 2, inEnvironment.stderr);
        assert.ok(inEnvironment.stderr.includes(variable(option)), inEnvironment.stderr);
    }
});

test('a variable that is nearly an option is warned of, others are not', async (t) => {
    const directory = temporaryDirectory(t);
    const env = {
        FAIRLEAD_SECRETS: 'hush-hush-hush', FAIRLEAD_ADDMIN_TOKEN: '', FAIRLEAD_URL: 'http://x', FAIRLEAD_RATE: '1',
        FAIRLEAD_PORT: 'tcp://10.0.0.1:5000', FAIRLEAD_SERVICE_HOST: '10.0.0.1',
    };
    const warned = (text) => [...text.matchAll(/variable=(\S+) perhaps_meant=(\S+)/g)].map(([, is, meant]) => [is, meant]).sort();
    const expected = [['FAIRLEAD_ADDMIN_TOKEN', 'FAIRLEAD_ADMIN_TOKEN'], ['FAIRLEAD_SECRETS', 'FAIRLEAD_SECRET']];
    const check = await fairlead(['serve', '--check'], { cwd: directory, env });
    assert.equal(check.code, 0, check.stderr);
    assert.deepEqual(warned(check.stderr), expected);
    assert.ok(!check.stderr.includes('hush'), 'its value is not shown');

    const server = await startServer(t, { env });
    assert.deepEqual(warned(server.stderr), expected);
});

test('--check finds a key that is not of the certificate', { skip: !hasProgram('openssl') && 'no openssl' }, async (t) => {
    const directory = temporaryDirectory(t);
    const [one, other] = [makePair(directory, 'one'), makePair(directory, 'other')];
    const check = (cert, key) => fairlead(['serve', '--check', '--tls-cert', cert, '--tls-key', key], { cwd: directory });
    assert.equal((await check(one.cert, one.key)).code, 0);
    const mixed = await check(one.cert, other.key);
    assert.equal(mixed.code, 2, mixed.stdout);
    assert.match(mixed.stderr, /tls-cert.*tls-key/);
    assert.equal((await check(one.key, one.cert)).code, 2);
});

test('an empty FAIRLEAD_SECRET does not switch the checks off', async (t) => {
    const directory = temporaryDirectory(t);
    for (const value of ['', ' , ']) {
        const result = await fairlead(['serve', '--check'], { cwd: directory, env: { FAIRLEAD_SECRET: value } });
        assert.equal(result.code, 2, result.stdout);
        assert.match(result.stderr, /FAIRLEAD_SECRET/);
    }
});

test('a reload that would lose every secret keeps the old ones', async (t) => {
    const config = path.join(temporaryDirectory(t), 'fairlead.ini');
    const reload = (text) => {
        fs.writeFileSync(config, text);
        process.kill(server.pid, 'SIGHUP');
    };
    fs.writeFileSync(config, `secret = ${SECRET}\n`);
    const server = await startServer(t, { args: ['--config', config] });
    assertError(await server.post(uniqueEvent()), 401, 'signature_missing');
    reload('# secret = gone\n');
    const [line] = await server.waitForLog(/.*not reloaded.*/);
    assert.match(line, /verify/);
    assertError(await server.post(uniqueEvent()), 401, 'signature_missing');
    reload('verify = none\n');
    await server.waitForLog(/reloaded secrets/);
    assertStored(await server.post(uniqueEvent()));
});

test('closed standard streams are not taken by files of ours', async (t) => {
    const prefix = ['sh', '-c', 'exec "$@" <&- >&-', 'sh'];
    const server = await startServer(t, { prefix, args: ['--print', 'line'] });
    assertStored(await server.post(uniqueEvent()));
    await server.waitForLog(/standard output is closed/);
    assert.equal(fs.readFileSync(path.join(server.data, 'lock'), 'utf8'), `${server.pid}\n`);
    for (const fd of ['0', '1']) assert.equal(fs.readlinkSync(`/proc/${server.pid}/fd/${fd}`), '/dev/null');
});

test('events that were not printed at the end are counted and said', async (t) => {
    const server = await startServer(t, { args: ['--print', 'pretty'], stdout: 'hold' });
    const text = 'x'.repeat(50_000);
    for (let i = 0; i < 20; i++) assertStored(await server.post(uniqueEvent('unprinted', { text })));
    server.child.kill('SIGTERM');
    assert.deepEqual(await within(server.exited, 'the end'), { code: 0, signal: null });
    const [, count] = /not printed.*?events=(\d+)/.exec(server.stderr) ?? assert.fail(server.stderr);
    assert.ok(Number(count) >= 10 && Number(count) <= 20, count);
});
