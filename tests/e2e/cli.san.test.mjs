// The commands as people and scripts use them: what they print, what they return.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { ROOT, bodyOf, exportEvents, fairlead, sample, startServer, temporaryDirectory, uniqueEvent } from './harness.mjs';

const VERSION = fs.readFileSync(path.join(ROOT, 'VERSION'), 'utf8').trim();
const COMMANDS = [
    'serve', 'send', 'simulate', 'tail', 'accounts', 'account', 'stats', 'verify', 'export', 'import', 'rebuild', 'doctor', 'version', 'help',
];
const VECTOR = [
    ...['--id', 'msg_00000000-0000-4000-8000-000000000001', '--timestamp', '1767225600'],
    ...['--signature', 'v1,jrAMr1j/LyDm0e+4Z3Zv1ipIeDfSeCXa8nJsXJmQhRM='],
];
const VECTOR_BODY = '{"hello":"wörld"}';
const SECRET = 'test-secret-local-0001';

test('version', async () => {
    for (const args of [['version'], ['--version']]) {
        const result = await fairlead(args);
        assert.equal(result.code, 0);
        assert.match(result.stdout, new RegExp(`\\b${VERSION.replaceAll('.', '\\.')}`));
        assert.equal(result.stderr, '');
    }
});

test('help for everything, on standard output', async () => {
    const list = await fairlead(['help']);
    assert.equal(list.code, 0);
    for (const name of COMMANDS) assert.match(list.stdout, new RegExp(`^\\s+${name}\\b`, 'm'));
    assert.equal((await fairlead(['--help'])).stdout, list.stdout);
    for (const name of COMMANDS) {
        const help = await fairlead(['help', name]);
        assert.equal(help.code, 0);
        assert.equal(help.stderr, '');
        assert.match(help.stdout, new RegExp(`fairlead ${name}`));
        for (const args of [[name, '--help'], [name, '-h']]) {
            const same = await fairlead(args);
            assert.equal(same.code, 0, args.join(' '));
            assert.equal(same.stdout, help.stdout);
        }
        assert.doesNotMatch(help.stdout, /\x1b/, 'plain when piped');
    }
    const serve = await fairlead(['help', 'serve']);
    for (const option of ['listen', 'path', 'data', 'secret', 'verify', 'tolerance', 'print', 'max-body', 'dedupe-window', 'retention'])
        assert.match(serve.stdout, new RegExp(`--${option}\\b`));
});

test('wrong usage: exit 2, a hint, nothing on standard output', async () => {
    const cases = [
        [[], /help/],
        [['sevre'], /sevre.*serve/s],
        [['help', 'nothing'], /nothing/],
        [['version', '--loud'], /--loud|loud/],
        [['version', 'operand'], /operand/],
        [['send', '--count', 'many'], /count.*many/s],
        [['export', '--after', '-1'], /after/],
        [['export', '--raw'], /--seq/],
        [['export', '--since', 'yesterday'], /yesterday/],
        [['verify'], /--secret/],
        [['import', 'a', 'b'], /b/],
    ];
    for (const [args, hint] of cases) {
        const result = await fairlead(args);
        assert.equal(result.code, 2, `fairlead ${args.join(' ')}: ${result.stderr}`);
        assert.equal(result.stdout, '', `fairlead ${args.join(' ')}`);
        assert.match(result.stderr, hint);
    }
});

test('send: a receiver takes what it makes', async (t) => {
    const server = await startServer(t, { args: ['--secret', SECRET, '--path', '/in'] });
    const send = (...args) => fairlead(['send', '--url', server.url, '--path', '/in', ...args]);

    const unsigned = await send();
    assert.equal(unsigned.code, 1);
    assert.match(unsigned.stdout + unsigned.stderr, /401.*signature_missing|signature_missing/s);

    for (const type of [undefined, 'connected_account.add.completed', 'connected_account.delete', 'composio.connected_account.expired']) {
        const result = await send(...(type ? [type] : []), '--secret', SECRET, '--app', 'slack');
        assert.equal(result.code, 0, result.stderr);
        assert.match(result.stdout, /200/);
        const event = JSON.parse((await exportEvents(server.data)).at(-1).body);
        assert.equal(event.type, type ?? 'connected_account.add.start');
        assert.ok(JSON.stringify(event.data).includes('"slack"'));
    }
    const wrong = await send('--secret', 'another-secret-0001');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout + wrong.stderr, /signature_invalid/);
    assert.equal((await send('--secret', 'another-secret-0001', '--secret', SECRET)).code, 0, 'during a rotation');

    const before = (await exportEvents(server.data)).length;
    const many = await send('--secret', SECRET, '--count', '50', '--account', 'ca_fifty');
    assert.equal(many.code, 0, many.stderr);
    assert.match(many.stdout, /50 accepted/);
    assert.equal((await exportEvents(server.data)).length, before + 50);

    for (const [round, expected] of [[1, '{"success":true}'], [2, '{"success":true,"duplicate":true}']]) {
        const result = await send('--secret', SECRET, '--id', 'msg_same', '--json');
        assert.equal(result.code, 0, `round ${round}: ${result.stderr}`);
        assert.ok(JSON.stringify(JSON.parse(result.stdout)).includes(expected.slice(1, -1)) || result.stdout.includes('200'));
    }
    assert.equal((await exportEvents(server.data)).filter((event) => event.id === 'msg_same').length, 1);
});

test('send --file: the bytes as they are', async (t) => {
    const server = await startServer(t);
    const file = path.join(temporaryDirectory(t), 'body.json');
    fs.writeFileSync(file, ' {"odd" :\t"wörld"}\n\n');
    assert.equal((await fairlead(['send', '--url', `${server.url}/webhook`, '--file', file])).code, 0);
    const input = sample('page-sample.json');
    assert.equal((await fairlead(['send', '--file', '-'], { input, env: { FAIRLEAD_URL: server.url } })).code, 0);
    assert.deepEqual((await exportEvents(server.data)).map(bodyOf), [fs.readFileSync(file), input]);
    const notJson = await fairlead(['send', '--url', server.url, '--file', '-'], { input: 'nonsense' });
    assert.equal(notJson.code, 1);
    assert.match(notJson.stdout + notJson.stderr, /invalid_json/);
});

test('send: nobody there', async (t) => {
    const server = await startServer(t);
    const { url } = server;
    await server.stop();
    const result = await fairlead(['send', '--url', url]);
    assert.equal(result.code, 1);
    assert.ok(result.stderr.includes(new URL(url).port), result.stderr);
    for (const wrong of ['ftp://127.0.0.1/', 'nonsense', 'http://']) {
        const refused = await fairlead(['send', '--url', wrong]);
        assert.notEqual(refused.code, 0, wrong);
        assert.notEqual(refused.stderr, '');
    }
});

test('verify: valid, invalid, and why', async (t) => {
    const verify = (args, input = VECTOR_BODY) => fairlead(['verify', ...args], { input });
    const valid = await verify(['--secret', SECRET, '--tolerance', '0', ...VECTOR]);
    assert.equal(valid.code, 0, valid.stderr);
    assert.match(valid.stdout, /^valid/);
    const atTheTime = await verify(['--secret', SECRET, '--at', '2026-01-01T00:00:10Z', ...VECTOR]);
    assert.equal(atTheTime.code, 0, atTheTime.stdout);

    const reasons = [
        [['--secret', SECRET, ...VECTOR], VECTOR_BODY, /timestamp_out_of_range/],
        [['--secret', 'wrong-secret-0001', '--tolerance', '0', ...VECTOR], VECTOR_BODY, /signature_invalid/],
        [['--secret', SECRET, '--tolerance', '0', ...VECTOR], `${VECTOR_BODY}\n`, /newline|line break/i],
        [['--secret', SECRET, '--tolerance', '0', ...VECTOR], '{"hello": "wörld"}', /space|encoded/i],
        [['--secret', `${SECRET} `, '--tolerance', '0', ...VECTOR], VECTOR_BODY, /space/i],
        [['--secret', SECRET], VECTOR_BODY, /signature_missing/],
    ];
    for (const [args, body, why] of reasons) {
        const result = await verify(args, body);
        assert.equal(result.code, 1, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
        assert.match(result.stdout, /not valid/);
        assert.match(result.stdout, why);
        assert.ok(!result.stdout.includes('jrAMr1j'), 'never says what would be right');
    }
    const json = await verify(['--json', '--secret', SECRET, ...VECTOR]);
    assert.equal(json.code, 1);
    assert.equal(JSON.parse(json.stdout).valid, false);
    assert.equal(JSON.parse(json.stdout).code, 'timestamp_out_of_range');

    const headers = path.join(temporaryDirectory(t), 'headers.txt');
    fs.writeFileSync(headers, `POST / HTTP/1.1\r\nWebhook-Id: ${VECTOR[1]}\r\nwebhook-timestamp:${VECTOR[3]}\r\nwebhook-signature: ${VECTOR[5]}\r\n\r\n`);
    const fromFile = await verify(['--tolerance', '0', '--headers', headers, '--secret', SECRET]);
    assert.equal(fromFile.code, 0, fromFile.stdout + fromFile.stderr);
});

test('export and import: there and back again, byte for byte', async (t) => {
    const server = await startServer(t);
    const bodies = [
        sample('page-sample.json'),
        Buffer.from('{"text":"wörld \\u0000 \\ud800 😀\u2028"}'),
        Buffer.from('\r\n {}\t'),
        Buffer.from(uniqueEvent('large', { filler: 'é'.repeat(200_000) })),
        ...Array.from({ length: 600 }, () => Buffer.from(uniqueEvent('bulk'))),
    ];
    for (const [i, body] of bodies.entries()) {
        const headers = i % 3 ? {} : { 'webhook-id': `msg_${i}`, 'x-note': 'ü;"\\' };
        assert.equal((await server.post(body, headers)).text, '{"success":true}');
    }
    const directory = temporaryDirectory(t);
    const file = path.join(directory, 'events.jsonl');
    const whole = await fairlead(['export', '--data', server.data]);
    assert.equal(whole.code, 0);
    const toFile = await fairlead(['export', '--data', server.data, '--output', file]);
    assert.equal(toFile.code, 0, toFile.stderr);
    assert.equal(toFile.stdout, '');
    assert.equal(fs.readFileSync(file, 'utf8'), whole.stdout);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.deepEqual((await exportEvents(server.data)).map(bodyOf), bodies);

    const copy = path.join(directory, 'copy');
    const first = await fairlead(['import', '--data', copy, file]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, new RegExp(`^${bodies.length} stored, 0 duplicates, 0 bad lines$`, 'm'));
    assert.equal((await fairlead(['export', '--data', copy])).stdout, whole.stdout);
    const second = await fairlead(['import', '--json', '--data', copy], { input: whole.stdout });
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(JSON.parse(second.stdout), { stored: 0, duplicates: bodies.length, bad_lines: 0 });
    assert.equal((await fairlead(['export', '--data', copy])).stdout, whole.stdout);

    // A server on the copy knows the events.
    const heir = await startServer(t, { data: copy });
    assert.equal((await heir.post(bodies[1])).text, '{"success":true,"duplicate":true}');
    assert.equal((await heir.post('{"other":1}', { 'webhook-id': 'msg_0' })).text, '{"success":true,"duplicate":true}');
    await heir.stop();

    const lines = whole.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    const picked = await fairlead(['export', '--data', server.data, '--after', '600']);
    assert.deepEqual(picked.stdout.trimEnd().split('\n').map((line) => JSON.parse(line).seq), lines.slice(600).map((line) => line.seq));
    const none = await fairlead(['export', '--data', server.data, '--until', '2020-01-01T00:00:00Z']);
    assert.deepEqual([none.code, none.stdout], [0, '']);
    const recent = await fairlead(['export', '--data', server.data, '--since', '24h']);
    assert.equal(recent.stdout, whole.stdout);
    const raw = await fairlead(['export', '--data', server.data, '--seq', '2', '--raw']);
    assert.deepEqual(Buffer.from(raw.stdout), bodies[1]);
    const missing = await fairlead(['export', '--data', server.data, '--seq', '100000']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /100000/);
});

test('import: bad lines are named, good ones stored; not beside a server', async (t) => {
    const server = await startServer(t);
    for (let i = 0; i < 3; i++) await server.post(uniqueEvent());
    const lines = (await fairlead(['export', '--data', server.data])).stdout.trimEnd().split('\n');
    const directory = temporaryDirectory(t);
    const file = path.join(directory, 'mixed.jsonl');
    fs.writeFileSync(file, [lines[0], 'nonsense', '', '{"seq":1}', '[]', lines[1], lines[2].slice(0, -10)].join('\n'));
    const result = await fairlead(['import', '--data', path.join(directory, 'new'), file]);
    assert.equal(result.code, 1);
    for (const line of [2, 4, 5, 7]) assert.match(result.stderr, new RegExp(`mixed\\.jsonl:${line}: `));
    assert.match(result.stdout, /2 stored, 0 duplicates, 4 bad lines/);

    const beside = await fairlead(['import', '--data', server.data, file]);
    assert.equal(beside.code, 1);
    assert.match(beside.stderr, new RegExp(`\\b${server.pid}\\b`));
    const missing = await fairlead(['import', '--data', path.join(directory, 'new'), path.join(directory, 'none')]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /none/);
});

test('a directory without a journal is not made by readers', async (t) => {
    const nowhere = path.join(temporaryDirectory(t), 'nowhere');
    const result = await fairlead(['export', '--data', nowhere]);
    assert.equal(result.code, 1);
    assert.ok(result.stderr.includes(nowhere), result.stderr);
    assert.ok(!fs.existsSync(nowhere));
});

test('a file that is not ours is refused and left alone', async (t) => {
    const data = path.join(temporaryDirectory(t), 'data');
    fs.mkdirSync(data);
    const journal = path.join(data, 'journal.db');
    fs.writeFileSync(journal, 'this is no journal\n'.repeat(100));
    for (const args of [['serve', '--listen', '127.0.0.1:0', '--data', data], ['export', '--data', data]]) {
        const result = await fairlead(args);
        assert.equal(result.code, 1, result.stderr);
        assert.ok(result.stderr.includes('journal.db') || result.stderr.includes(data), result.stderr);
    }
    assert.equal(fs.readFileSync(journal, 'utf8'), 'this is no journal\n'.repeat(100));
});

test('doctor: fine, beside a server and without; and not fine', async (t) => {
    const server = await startServer(t);
    await server.post(uniqueEvent());
    const env = { FAIRLEAD_URL: server.url };
    const beside = await fairlead(['doctor', '--data', server.data], { env });
    assert.equal(beside.code, 0, beside.stdout + beside.stderr);
    assert.match(beside.stdout, /journal/i);
    await server.stop();

    const journal = path.join(server.data, 'journal.db');
    const bytes = fs.readFileSync(journal);
    bytes.fill(0xa5, Math.min(4096, bytes.length / 2));
    fs.writeFileSync(journal, bytes);
    const damaged = await fairlead(['doctor', '--data', server.data], { env });
    assert.equal(damaged.code, 1, damaged.stdout + damaged.stderr);
});

test('doctor: wrong usage is wrong usage, and what serve would stumble over is found', async (t) => {
    const directory = temporaryDirectory(t);
    const env = { FAIRLEAD_LISTEN: '127.0.0.1:0' };
    for (const args of [['--nope'], ['--max-body', 'many'], ['--url'], ['operand']]) {
        const result = await fairlead(['doctor', ...args], { env, cwd: directory });
        assert.equal(result.code, 2, `${args}: ${result.stdout}`);
    }
    const config = path.join(directory, 'wrong.ini');
    fs.writeFileSync(config, 'max-body = many\n');
    assert.equal((await fairlead(['doctor', '--config', config], { env, cwd: directory })).code, 1);
    fs.writeFileSync(config, 'print = none\nlisten = nowhere\n');
    const nowhere = await fairlead(['doctor', '--config', config], { cwd: directory });
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stdout, /wrong\.ini:2: listen: /);

    const examine = async (data, check) => {
        const result = await fairlead(['doctor', '--json', '--data', data], { env });
        return JSON.parse(result.stdout).checks.find((each) => each.check === check);
    };
    const dangling = path.join(directory, 'dangling');
    fs.symlinkSync('nowhere', dangling);
    assert.equal((await examine(dangling, 'data directory')).result, 'fail');
    const locked = path.join(directory, 'locked');
    fs.mkdirSync(path.join(locked, 'lock'), { recursive: true, mode: 0o700 });
    const lock = await examine(locked, 'data directory');
    assert.equal(lock.result, 'fail');
    assert.match(lock.message, /lock/);

    const server = await startServer(t);
    for (let i = 0; i < 50; i++) await server.post(uniqueEvent());
    await server.stop();
    const journal = path.join(server.data, 'journal.db');
    const whole = fs.readFileSync(journal);
    const setVersion = Buffer.from(whole);
    setVersion.writeUInt32BE(99, 60); // user_version in the header of an SQLite file
    fs.writeFileSync(journal, setVersion);
    const newer = await examine(server.data, 'journal');
    assert.equal(newer.result, 'fail');
    assert.match(newer.advice, /newer/);
    for (const [length, result] of [[0, 'warn'], [100, 'fail'], [16384, 'fail'], [whole.length - 16384, 'fail']]) {
        fs.writeFileSync(journal, whole.subarray(0, length));
        const cut = await examine(server.data, 'journal');
        assert.equal(cut.result, result, `cut to ${length}: ${cut.message}`);
    }
});
