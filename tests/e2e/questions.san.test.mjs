// tail, accounts, account, stats, rebuild: what they say is what the API says, and they fail as they should.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
    BINARY, assertStored, atEnd, fairlead, startCommand, startProxy, startServer, temporaryDirectory, until, within,
} from './harness.mjs';

const DAY = 24 * 3600 * 1000;

/** An admin event about account `id`, `ago` milliseconds ago. */
const admin = (verb, id, ago, more = {}) =>
    JSON.stringify({
        type: `connected_account.${verb}`,
        timestamp: new Date(Date.now() - ago).toISOString(),
        data: { app_name: 'notion', integration_name: 'notion_teal', integration_id: 'i1', body: {}, connected_account_id: id, ...more },
    });

async function get(server, target) {
    const answer = await server.request({ path: target, headers: { authorization: `Bearer ${server.token}` } });
    assert.equal(answer.status, 200, answer.text);
    return answer;
}

/** Posts, and waits until the read model has it. */
async function tell(server, bodies) {
    for (const body of bodies) assertStored(await server.post(body));
    await until('the read model', async () => (await get(server, '/api/v1/status')).json.tracker.lag === 0);
}

/** Runs a command against the server, whose token it has to find in the data directory. */
const ask = (server, args, options = {}) =>
    fairlead(args, { ...options, env: { FAIRLEAD_URL: server.url, FAIRLEAD_DATA: server.data, ...options.env } });

const lines = (text) => text.trimEnd().split('\n').filter(Boolean);

test('accounts: the API line by line over all pages; a table with the facts', async (t) => {
    const server = await startServer(t);
    const bodies = [];
    for (let i = 0; i < 600; i++) bodies.push(admin('add.start', `ca_many_${i}`, DAY, { app_name: i % 2 ? 'gmail' : 'slack' }));
    bodies.push(admin('add.completed', 'ca_many_7', DAY - 42_000));
    await tell(server, bodies);

    const pages = [];
    for (let cursor = ''; cursor !== null; ) {
        const page = (await get(server, `/api/v1/connected_accounts?limit=200${cursor && `&cursor=${cursor}`}`)).json;
        pages.push(...page.items);
        cursor = page.next;
    }
    assert.equal(pages.length, 600);
    const all = await ask(server, ['accounts', '--json', '--limit', '100000']);
    assert.equal(all.code, 0, all.stderr);
    assert.deepEqual(lines(all.stdout).map((line) => JSON.parse(line)), pages);
    const some = await ask(server, ['accounts', '--json', '--limit', '501']);
    assert.deepEqual(lines(some.stdout).map((line) => JSON.parse(line)), pages.slice(0, 501));

    const active = await ask(server, ['accounts', '--status', 'ACTIVE']);
    assert.equal(active.code, 0, active.stderr);
    assert.match(active.stdout, /^ID +APP +USER +STATUS +STALLED +TRIES +STARTED +CONNECT$/m);
    assert.match(active.stdout, /^ca_many_7 +notion +- +ACTIVE +- +1 +1d ago +42s$/m);
    assert.equal(lines(active.stdout).length, 2);
    const stalled = await ask(server, ['accounts', '--stalled', 'abandoned', '--app', 'gmail', '--limit', '1000', '--json']);
    assert.equal(lines(stalled.stdout).length, 299);
    const found = await ask(server, ['accounts', '-q', 'ca_many_59*', '--json']);
    assert.deepEqual(lines(found.stdout).map((line) => JSON.parse(line).id).sort(),
        ['ca_many_59', ...Array.from({ length: 10 }, (_, i) => `ca_many_59${i}`)]);
    const none = await ask(server, ['accounts', '--status', 'EXPIRED']);
    assert.deepEqual([none.code, none.stdout], [0, '']);
    assert.match(none.stderr, /no account/);
});

test('account: facts, attempts and timeline; credentials only when asked for; ids that need escaping', async (t) => {
    const server = await startServer(t);
    const id = 'a/b c?&%ü';
    const number = '{"type":"connected_account.note","timestamp":"2026-05-04T10:00:00Z","data":{"connected_account_id":"plain","n":123456789012345678901234567890}}';
    await tell(server, [
        admin('add.start', id, 3 * DAY, { app_name: 'evil\u001b[31m' }),
        admin('add.completed', id, 3 * DAY - 250_000),
        JSON.stringify({
            id: 'msg_1', timestamp: new Date().toISOString(), type: 'composio.connected_account.expired', metadata: {},
            data: { id, user_id: 'user-9', status: 'EXPIRED', status_reason: 'tokens died', state: { val: { access_token: 'hush-hush' } } },
        }),
        number,
    ]);
    const json = await ask(server, ['account', id, '--json']);
    assert.equal(json.code, 0, json.stderr);
    assert.equal(json.stdout, `${(await get(server, `/api/v1/connected_accounts/${encodeURIComponent(id)}`)).text}\n`);
    const page = await ask(server, ['account', id]);
    assert.equal(page.code, 0, page.stderr);
    for (const fact of [/^status +EXPIRED$/m, /^reason +tokens died$/m, /^user +user-9$/m, /^time to connect +4m10s$/m, /3d ago/,
        /^\S+Z +connected_account\.add\.start +#1$/m, /^\S+Z +\+4m10s +connected_account\.add\.completed +#2$/m, /^Attempts \(1\)$/m])
        assert.match(page.stdout, fact);
    assert.ok(!page.stdout.includes('\u001b'), 'what senders write does not steer a terminal');
    assert.doesNotMatch((await ask(server, ['account', id, '--payloads'])).stdout, /hush-hush/);
    assert.match((await ask(server, ['account', id, '--reveal'])).stdout, /"access_token": "hush-hush"/);
    assert.match((await ask(server, ['account', 'plain', '--payloads'])).stdout, /"n": 123456789012345678901234567890$/m);

    await server.post(JSON.stringify({ type: 'connected_account.add.start', timestamp: new Date().toISOString(), data: { connected_account_id: '..' } }));
    await until('the account ..', async () => (await ask(server, ['account', '..'])).code === 0);

    const missing = await ask(server, ['account', 'nobody']);
    assert.deepEqual([missing.code, missing.stdout], [1, '']);
    assert.match(missing.stderr, /account/);
});

test('stats: the API with --json; funnel, times and groups for people', async (t) => {
    const server = await startServer(t);
    const bodies = [];
    for (let i = 0; i < 20; i++) bodies.push(admin('add.start', `ca_${i}`, 3_600_000, { app_name: i < 12 ? 'slack' : 'gmail' }));
    for (let i = 0; i < 15; i++) bodies.push(admin('add.completed', `ca_${i}`, 3_600_000 - 9_000, { app_name: i < 12 ? 'slack' : 'gmail' }));
    bodies.push(admin('add.failed', 'ca_15', 3_500_000, { app_name: 'gmail' }));
    await tell(server, bodies);
    const span = ['--since', '2026-01-01T00:00:00Z', '--until', new Date(Date.now() + DAY).toISOString(), '--bucket', 'day'];
    const wide = ['stats', '--since', '5d', '--bucket', 'day'];
    const json = await ask(server, ['stats', ...span, '--json', '--by', 'integration']);
    assert.equal(json.code, 0, json.stderr);
    const query = `since=${span[1]}&until=${span[3]}&bucket=day&by=integration`;
    assert.equal(json.stdout, `${(await get(server, `/api/v1/onboarding?${query}`)).text}\n`);
    const page = await ask(server, wide, { env: { LC_ALL: 'C.UTF-8' } });
    assert.equal(page.code, 0, page.stderr);
    for (const fact of [/^ +started +20 +100\.0% +█+$/m, /^ +completed +15 +75\.0% +█+[▉-▏]?$/m, /^ +failed +1 +5\.0% +█/m, /^ +abandoned +4 +20\.0% /m,
        /^ +pending +0 +0\.0%$/m, /^Time to connect +p50 /m, /^ +up to 10s +15 +100\.0% +█+$/m, /^ +slack +12 +12 +100\.0% +█+$/m,
        /^ +gmail +8 +3 +37\.5% +█+/m])
        assert.match(page.stdout, fact);
    assert.ok(lines(page.stdout).every((line) => [...line].length < 80));
    const ascii = await ask(server, wide, { env: { LC_ALL: 'C' } });
    assert.match(ascii.stdout, /^ +started +20 +100\.0% +#+$/m);
    assert.match(ascii.stdout, /^[\x00-\x7f]*$/);
    const empty = await ask(server, ['stats', '--since', '2020-01-01T00:00:00Z', '--until', '2020-01-02T00:00:00Z']);
    assert.equal(empty.code, 0);
    assert.match(empty.stdout, /No connection was started/);

    // What is asked for, and not the hours around it: the steps fit the time.
    const ago = (ms) => new Date(Date.now() - ms).toISOString();
    for (const [args, step] of [[['--since', '10m'], 60_000], [['--since', ago(5 * 3_600_000)], 60_000], [['--since', '24h'], 3_600_000],
        [['--since', '90d'], DAY], [['--since', '90d', '--until', ago(90 * DAY - 600_000)], 60_000], [['--since', '10m', '--bucket', 'hour'], 3_600_000]]) {
        const { series } = JSON.parse((await ask(server, ['stats', '--json', ...args])).stdout);
        assert.equal(Date.parse(series[1]?.t ?? series[0].t) - Date.parse(series[0].t), series[1] ? step : 0, args.join(' '));
        assert.equal(Date.parse(series[0].t) % step, 0, args.join(' '));
    }
    const recent = await ask(server, ['stats', '--since', '10m', '--json']);
    assert.equal(JSON.parse(recent.stdout).total.started, 0, 'starts of an hour ago are not of the last ten minutes');

    const refused = await ask(server, ['stats', '--since', 'yesterday']);
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.match(refused.stderr, /since/);
    const many = await ask(server, ['stats', '--since', '900d', '--bucket', 'minute']);
    assert.equal(many.code, 2);
    assert.match(many.stderr, /bucket/);
});

test('tail: the last ones, then what comes, without gap or repeat over lost connections', async (t) => {
    const server = await startServer(t);
    await tell(server, Array.from({ length: 8 }, (_, i) => admin('add.start', `ca_${i}`, 1000)));
    const proxy = await startProxy(t, server.url);
    const env = { FAIRLEAD_URL: proxy.url, FAIRLEAD_DATA: server.data };
    const tail = startCommand(t, ['tail', '--json', '-n', '3'], { env });
    const seen = () => lines(tail.stdout).map((line) => JSON.parse(line).seq);
    await tail.waitFor('the last three', () => seen().length >= 3);
    await tell(server, [admin('add.completed', 'ca_1', 0)]);
    await tail.waitFor('the first new one', () => seen().length >= 4);
    for (let round = 0; round < 3; round++) {
        proxy.open = false;
        proxy.cut();
        await tell(server, Array.from({ length: 5 }, (_, i) => admin('note', `ca_away_${round}_${i}`, 0)));
        proxy.open = true;
        await tell(server, [admin('note', `ca_back_${round}`, 0)]);
        await tail.waitFor('what was missed', () => seen().length >= 4 + 6 * (round + 1));
    }
    assert.deepEqual(seen(), Array.from({ length: 22 }, (_, i) => i + 6));
    assert.equal(lines(tail.stderr).filter((line) => /connection lost/.test(line)).length, 3, tail.stderr);
    assert.equal(lines(tail.stderr).filter((line) => /connected again/.test(line)).length, 3, tail.stderr);
    const listed = (await get(server, '/api/v1/events?limit=22')).json.items.reverse();
    assert.deepEqual(lines(tail.stdout).map((line) => JSON.parse(line)), listed);
    await tail.stop('SIGINT');
});

test('tail: a server that comes back with another journal is followed from there', async (t) => {
    const token = 'the-same-token-for-both';
    const servers = [await startServer(t, { args: ['--admin-token', token] }), await startServer(t, { args: ['--admin-token', token] })];
    for (const [i, count] of [5, 2].entries())
        for (let n = 0; n < count; n++) assertStored(await servers[i].post(admin('add.start', `ca_${i}_${n}`, 1000)));
    const proxy = await startProxy(t, servers[0].url);
    const tail = startCommand(t, ['tail', '--json'], { env: { FAIRLEAD_URL: proxy.url, FAIRLEAD_TOKEN: token } });
    const seen = () => lines(tail.stdout).map((line) => JSON.parse(line).connected_account_id);
    const followed = async (server) => {
        const answer = await server.request({ path: '/api/v1/status', headers: { authorization: `Bearer ${token}` } });
        return answer.json.stream_clients === 1;
    };
    await tail.waitFor('what is there', () => seen().length >= 5);
    await until('the stream', () => followed(servers[0]));
    proxy.target = servers[1].url;
    proxy.cut();
    await tail.waitFor('the note', () => /another journal/.test(tail.stderr));
    await until('the other stream', () => followed(servers[1]));
    assertStored(await servers[1].post(admin('add.start', 'ca_new', 0)));
    await tail.waitFor('the new event', () => seen().length >= 6);
    assert.deepEqual(seen(), [0, 1, 2, 3, 4].map((n) => `ca_0_${n}`).concat('ca_new'));
    await tail.stop('SIGINT');
});

test('tail: lines for people, filters, whole payloads', async (t) => {
    const server = await startServer(t);
    await tell(server, [admin('add.start', 'ca_a', 5000), admin('add.start', 'ca_b', 4000, { app_name: 'gmail' })]);
    const env = { FAIRLEAD_URL: server.url, FAIRLEAD_DATA: server.data };
    const plain = startCommand(t, ['tail'], { env });
    const byApp = startCommand(t, ['tail', '--app', 'gmail', '--pretty'], { env });
    const byAccount = startCommand(t, ['tail', '--account', 'ca_a', '--type', 'connected_account.add.completed', '-n', '0'], { env });
    await plain.waitFor('what is there', () => lines(plain.stdout).length >= 2);
    await until('all three streams', async () => (await get(server, '/api/v1/status')).json.stream_clients === 3);
    await tell(server, [admin('add.completed', 'ca_a', 0), admin('add.completed', 'ca_b', 0, { app_name: 'gmail' }), admin('add.start', 'ca_a', 0)]);
    await plain.waitFor('five lines', () => lines(plain.stdout).length >= 5);
    await byApp.waitFor('two payloads', () => (byApp.stdout.match(/^\}$/gm) ?? []).length >= 2);
    await byAccount.waitFor('one line', () => lines(byAccount.stdout).length >= 1);
    assert.match(lines(plain.stdout)[2], /^\d{4}-\S+Z  connected_account\.add\.completed  notion  ca_a  -  (un)?verified$|^\d{4}-\S+Z  connected_account\.add\.completed  notion  ca_a  -  -$/);
    assert.match(byApp.stdout, /"connected_account_id": "ca_b"/);
    assert.doesNotMatch(byApp.stdout, /ca_a/);
    await byAccount.stop('SIGINT');
    assert.match(byAccount.stdout, /^\S+  connected_account\.add\.completed  notion  ca_a  .*\n$/);
    await plain.stop('SIGTERM');
    await byApp.stop('SIGINT');
});

test('a reader that goes away ends them quietly', async (t) => {
    const server = await startServer(t);
    await tell(server, Array.from({ length: 300 }, (_, i) => admin('add.start', `ca_${i}_${'x'.repeat(150)}`, 1000)));
    const env = { PATH: process.env.PATH, FAIRLEAD_URL: server.url, FAIRLEAD_DATA: server.data, FAIRLEAD: BINARY };
    for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS']) if (process.env[name]) env[name] = process.env[name];
    const pipe = async (command) => {
        const child = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
        atEnd(t, () => child.kill('SIGKILL'));
        let stderr = '';
        child.stdout.resume();
        child.stderr.on('data', (chunk) => (stderr += chunk));
        await within(once(child, 'close'), command);
        return stderr;
    };
    assert.equal(await pipe('"$FAIRLEAD" accounts --json --limit 300 | head -n 1'), '');
    assert.equal(await pipe('"$FAIRLEAD" tail --json -n 300 | head -n 1'), '');
});

test('exit 1 and what to do: no server, no token, a wrong one, another program; exit 2 for wrong usage', async (t) => {
    const server = await startServer(t);
    const empty = temporaryDirectory(t);
    const commands = [['tail'], ['accounts'], ['account', 'x'], ['stats']];
    const proxy = await startProxy(t, server.url);
    proxy.open = false;
    for (const args of commands) {
        const absent = await fairlead([...args, '--url', 'http://127.0.0.1:1', '--data', server.data]);
        assert.deepEqual([absent.code, absent.stdout], [1, ''], args[0]);
        assert.match(absent.stderr, /fairlead serve/);
        const closed = await fairlead([...args, '--url', proxy.url, '--data', server.data]);
        assert.equal(closed.code, 1);
        const without = await fairlead([...args, '--url', server.url, '--data', empty]);
        assert.equal(without.code, 1);
        assert.match(without.stderr, /token.*--data/);
        const wrong = await fairlead([...args, '--url', server.url], { env: { FAIRLEAD_TOKEN: 'wrong-token-0123456789' } });
        assert.equal(wrong.code, 1);
        assert.match(wrong.stderr, /token/);
        assert.ok(!wrong.stderr.includes('wrong-token'), 'a token is never shown');
        assert.equal((await fairlead([...args, '--nonsense'])).code, 2);
        assert.equal((await fairlead([...args, '--url', 'nonsense', '--data', empty])).code, 2);
    }
    assert.equal((await ask(server, ['account'])).code, 2);
    assert.equal((await ask(server, ['tail', '--json', '--pretty'])).code, 2);
    assert.equal((await ask(server, ['accounts', '--status', 'GONE'])).code, 2);
    const open = await startServer(t, { args: ['--no-auth'] });
    assert.equal((await fairlead(['stats', '--url', open.url, '--data', empty])).code, 0, 'without a token where none is needed');
});

/** What state.db says, without the inner pages of its word index, whose shape depends on the transactions. */
function dump(data) {
    const tables = ['meta', 'name', 'account', 'step', 'event', 'duplicate', 'rollup', 'tally'];
    const result = spawnSync('sqlite3', ['-readonly', path.join(data, 'state.db'), `.dump ${tables.join(' ')}`], { maxBuffer: 1 << 28 });
    assert.equal(result.status, 0, result.stderr.toString());
    return result.stdout.toString();
}

test('rebuild: the same state again, from nothing and from what is there; not beside a server', async (t) => {
    const times = ['--slow-after', '90s', '--abandoned-after', '20m'];
    const server = await startServer(t, { args: times });
    const played = await fairlead(['simulate', '--url', server.url, '--users', '120', '--speed', '0', '--seed', '11', '--start', '2026-05-04T10:00:00Z']);
    assert.equal(played.code, 0, played.stderr);
    await tell(server, [admin('add.start', 'ca_last', 2 * DAY)]);
    const questions = ['/api/v1/connected_accounts?limit=500', '/api/v1/events?limit=500',
        '/api/v1/onboarding?since=2026-05-01T00:00:00Z&until=2026-06-01T00:00:00Z&by=integration'];
    const answers = async (from) => Promise.all(questions.map(async (question) => (await get(from, question)).json));
    const counted = async () => (await get(server, '/api/v1/events?limit=500')).json.items.reduce((sum, event) => sum + event.duplicates, 0);
    const duplicates = Number(/^fairlead_webhooks_total\{result="duplicate"\} (\d+)$/m.exec((await get(server, '/metrics')).text)[1]);
    await until('duplicates are counted', async () => (await counted()) === duplicates);
    const lived = await answers(server);
    assert.ok(lived[0].items.length > 100 && lived[2].total.completed > 0);

    const beside = await fairlead(['rebuild', '--data', server.data]);
    assert.deepEqual([beside.code, beside.stdout], [1, '']);
    assert.match(beside.stderr, new RegExp(`stop the server.*\\b${server.pid}\\b`));
    await server.stop();
    const before = dump(server.data);
    const last = Number(execFileSync('sqlite3', [path.join(server.data, 'journal.db'), 'SELECT max(seq) FROM record']));

    const again = await fairlead(['rebuild', '--data', server.data, ...times, '--json']);
    assert.equal(again.code, 0, again.stderr);
    const { elapsed_s: elapsed, ...summary } = JSON.parse(again.stdout);
    assert.ok(elapsed >= 0);
    assert.deepEqual(summary, { records: last, first_seq: 1, last_seq: last });
    assert.equal(dump(server.data), before);

    fs.rmSync(path.join(server.data, 'state.db'));
    const config = path.join(server.data, 'fairlead.ini');
    fs.writeFileSync(config, `data = ${server.data}\nslow-after = 90s\nabandoned-after = 20m\n`);
    const fromNothing = await fairlead(['rebuild', '--config', config]);
    assert.equal(fromNothing.code, 0, fromNothing.stderr);
    assert.match(fromNothing.stdout, /^state\.db made again from [\d,]+ records in /);
    assert.equal(dump(server.data), before);

    const doctor = await fairlead(['doctor', '--data', server.data, ...times, '--listen', '127.0.0.1:0']);
    assert.match(doctor.stdout, /^ok +read model +sound, and as far as the journal$/m);
    assert.match((await fairlead(['doctor', '--data', server.data, '--listen', '127.0.0.1:0'])).stdout, /^warn +read model .*slow-after/m);

    const heir = await startServer(t, { args: times, data: server.data });
    assert.deepEqual(await answers(heir), lived);
    assert.doesNotMatch(heir.stderr, /made anew/, 'what rebuild made is good enough for serve');
});

test('rebuild: a damaged file, an empty journal, none at all', async (t) => {
    const server = await startServer(t);
    await tell(server, Array.from({ length: 50 }, (_, i) => admin('add.start', `ca_${i}`, DAY)));
    await server.stop();
    const before = dump(server.data);
    const file = path.join(server.data, 'state.db');
    assert.equal((await fairlead(['rebuild', '--data', server.data])).code, 0); // and nothing is left in its log
    const bytes = fs.readFileSync(file);
    bytes.fill(0x5a, 5000, bytes.length - 1000);
    fs.writeFileSync(file, bytes);
    const doctor = await fairlead(['doctor', '--data', server.data, '--listen', '127.0.0.1:0']);
    assert.match(doctor.stdout, /^warn +read model .*fairlead rebuild/m);
    const mended = await fairlead(['rebuild', '--data', server.data]);
    assert.equal(mended.code, 0, mended.stderr);
    assert.equal(dump(server.data), before);

    const fresh = await startServer(t);
    await fresh.stop();
    const empty = await fairlead(['rebuild', '--data', fresh.data, '--json']);
    assert.equal(empty.code, 0, empty.stderr);
    const nowhere = path.join(temporaryDirectory(t), 'nowhere');
    const missing = await fairlead(['rebuild', '--data', nowhere]);
    assert.equal(missing.code, 1);
    assert.ok(missing.stderr.includes(nowhere) && !fs.existsSync(nowhere), missing.stderr);
    assert.equal((await fairlead(['rebuild', '--slow-after', 'soon'])).code, 2);
    assert.equal((await fairlead(['rebuild', '--listen', '127.0.0.1:0'])).code, 2);
});
