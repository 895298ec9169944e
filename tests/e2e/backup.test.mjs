// docs/operations.md: its commands exist, and its backup and restore do what it says, while events pour in.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
    BINARY,
    ROOT,
    assertDuplicate,
    assertStored,
    exportEvents,
    exportRecords,
    fairlead,
    flood,
    hasProgram,
    startServer,
    temporaryDirectory,
    uniqueEvent,
    until,
    within,
} from './harness.mjs';

const OPERATIONS = fs.readFileSync(path.join(ROOT, 'docs/operations.md'), 'utf8');
const needsSqlite = hasProgram('sqlite3') ? false : 'sqlite3 is not installed';

/** The block of commands after <!-- name: … -->, for other directories, without the service and its user. */
function commandsOf(name, directories) {
    let [, text] = new RegExp(`<!-- ${name}: [^\n]*-->\n\`\`\`sh\n(.*?)\`\`\``, 's').exec(OPERATIONS);
    text = text.replace(/^systemctl .*\n/gm, '').replaceAll(' -o fairlead -g fairlead', '').replace(/^fairlead /gm, `${BINARY} `);
    for (const [from, to] of Object.entries(directories)) text = text.replaceAll(from, to);
    assert.doesNotMatch(text, /\/var\//, 'nothing outside of the test');
    return text;
}

async function runShell(script) {
    const child = spawn('sh', ['-eu', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const [code] = await within(once(child, 'close'), script);
    assert.equal(code, 0, `${script}\n${output}`);
    return output;
}

const api = async (server, target) => (await server.request({ path: target, headers: { authorization: `Bearer ${server.token}` } })).json;
const caughtUp = (server) => until('the read model', async () => (await api(server, '/api/v1/status')).tracker.lag === 0);

/** A server with some history, and events that keep coming until `end()`. */
async function busyServer(t, data) {
    const history = path.join(path.dirname(data), 'history.jsonl');
    const made = await fairlead(['simulate', '--users', '4000', '--history', '2d', '--seed', '1', '--dry-run', '--output', history]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await fairlead(['import', '--data', data, history])).code, 0);
    const server = await startServer(t, { data, args: ['--print', 'none'] });
    const acknowledged = [];
    let more = true;
    const pouring = flood(server.url, {
        connections: 8,
        next: () => (more ? uniqueEvent('poured') : null),
        onAnswer: (body, answer) => {
            assert.equal(answer.status, 200, answer.text);
            acknowledged.push(body);
        },
    });
    await until('some events', () => acknowledged.length > 100);
    const end = async () => {
        more = false;
        await pouring;
    };
    return { server, acknowledged, end };
}

test('backup of the files under load, restore elsewhere: a prefix of the truth, with all that was acknowledged before', { skip: needsSqlite }, async (t) => {
    const directory = temporaryDirectory(t);
    const data = path.join(directory, 'data');
    const restored = path.join(directory, 'restored');
    const backups = path.join(directory, 'backups');
    const { server, acknowledged, end } = await busyServer(t, data);

    const before = acknowledged.length;
    const output = await runShell(commandsOf('backup', { '/var/lib/fairlead': data, '/var/backups/fairlead': backups }));
    const during = acknowledged.length;
    await end();
    assert.match(output, /^ok +journal +sound, records/m);
    assert.ok(during > before, 'events were stored meanwhile');
    const everything = await exportRecords(data);
    const { token } = server;
    await server.stop();

    fs.mkdirSync(restored); // what is restored over, and kept beside
    await runShell(commandsOf('restore', { '/var/lib/fairlead': restored, '/var/backups/fairlead': backups }));
    assert.ok(fs.existsSync(`${restored}.old`));
    for (const name of fs.readdirSync(restored)) assert.equal(fs.statSync(path.join(restored, name)).mode & 0o777, 0o600, name);
    const records = await exportRecords(restored);
    assert.deepEqual(records, everything.slice(0, records.length));
    assert.ok(records.length < everything.length, 'the backup was made in the middle');
    const bodies = new Set(records.map((record) => record.body));
    for (const body of acknowledged.slice(0, before)) assert.ok(bodies.has(body));

    const again = await startServer(t, { data: restored, args: ['--print', 'none'] });
    assert.equal(again.token, token);
    await caughtUp(again);
    assert.doesNotMatch(again.stderr, /made anew/, 'the read model was taken as it is');
    assertDuplicate(await again.post(acknowledged[0]));
    const fresh = path.join(directory, 'fresh');
    fs.mkdirSync(fresh, { mode: 0o700 });
    fs.copyFileSync(path.join(backups, 'new/journal.db'), path.join(fresh, 'journal.db'));
    const without = await startServer(t, { data: fresh, args: ['--print', 'none'] });
    await caughtUp(without);
    const now = new Date().toISOString();
    const since = new Date(Date.parse(now) - 7 * 86_400_000).toISOString();
    for (const target of [`/api/v1/onboarding?since=${since}&until=${now}&bucket=day&by=app`, '/api/v1/connected_accounts?limit=500']) {
        const [one, other] = [await api(again, target), await api(without, target)];
        assert.deepEqual(one, other, `${target}: made from the journal, it is the same`);
    }
    assertStored(await again.post(acknowledged.at(-1)));
    const doctor = await fairlead(['doctor', '--data', restored, '--listen', again.url.replace('http://', '')]);
    assert.equal(doctor.code, 0, doctor.stdout);
});

test('events as lines of JSON under load, and back', async (t) => {
    const directory = temporaryDirectory(t);
    const data = path.join(directory, 'data');
    const backups = path.join(directory, 'backups');
    const restored = path.join(directory, 'restored');
    fs.mkdirSync(backups);
    const { server, acknowledged, end } = await busyServer(t, data);
    const before = acknowledged.length;
    await runShell(commandsOf('export', { '/var/lib/fairlead': data, '/var/backups/fairlead': backups }));
    await end();
    const everything = await exportEvents(data);
    await server.stop();
    const script = commandsOf('import', { '/var/lib/fairlead': restored, '/var/backups/fairlead': backups });
    await runShell(script);
    await runShell(script);
    const records = await exportEvents(restored);
    assert.deepEqual(records, everything.slice(0, records.length), 'the same, numbers too, as none was missing; twice is once');
    const bodies = new Set(records.map((record) => record.body));
    for (const body of acknowledged.slice(0, before)) assert.ok(bodies.has(body));
});

test('the commands and options in operations.md exist', async () => {
    const code = [...OPERATIONS.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block).join('\n');
    const inline = [...OPERATIONS.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text);
    const lines = [...code.split('\n'), ...inline].map((line) => line.replace(/^sudo -u fairlead /, ''));
    const commands = lines.filter((line) => /^fairlead [a-z]/.test(line));
    assert.ok(commands.length >= 10);
    for (const line of commands) {
        const [, name] = line.split(' ');
        const help = await fairlead(['help', name]);
        assert.equal(help.code, 0, line);
        const options = `${help.stdout}${name === 'doctor' ? (await fairlead(['help', 'serve'])).stdout : ''}`;
        for (const [option] of line.matchAll(/--[a-z-]+/g)) assert.match(options, new RegExp(`${option}\\b`), line);
    }
    const serve = (await fairlead(['help', 'serve'])).stdout;
    for (const option of inline.filter((text) => /^--[a-z-]+$/.test(text) && !['--stop-timeout'].includes(text))) {
        const known = (await fairlead(['help', 'export'])).stdout + serve;
        assert.match(known, new RegExp(`${option}\\b`));
    }
    const metrics = fs.readFileSync(path.join(ROOT, 'docs/metrics.md'), 'utf8');
    for (const [name] of OPERATIONS.matchAll(/\bfairlead_[a-z_]+/g)) {
        if (name !== 'fairlead_token') assert.ok(metrics.includes(`\`${name}\``), name); // that is the cookie
    }
    for (const [name] of OPERATIONS.matchAll(/\bdeploy\/[\w./]+\w/g)) assert.ok(fs.existsSync(path.join(ROOT, name)), name);
});
