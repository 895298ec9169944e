// Simulated users: the same seed is the same history, what is said to be sent has arrived, and nothing outlives its purpose.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { BINARY, ROOT, atEnd, exportEvents, fairlead, request, startServer, temporaryDirectory, until, within } from './harness.mjs';

const START = '2026-05-04T10:00:00Z';

/** Runs it to its end and reads its summary. */
async function simulate(args, options) {
    const result = await fairlead(['simulate', '--json', ...args], options);
    return { ...result, summary: result.stdout ? JSON.parse(result.stdout) : null };
}

/** A receiver of our own: `answer(response, request, body)` says what happens. */
async function startReceiver(t, answer) {
    const receiver = http.createServer((incoming, response) => {
        const chunks = [];
        incoming.on('data', (chunk) => chunks.push(chunk));
        incoming.on('end', () => answer(response, incoming, Buffer.concat(chunks).toString()));
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    atEnd(t, () => {
        receiver.closeAllConnections();
        receiver.close();
    });
    receiver.url = `http://127.0.0.1:${receiver.address().port}`;
    return receiver;
}

const succeed = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"success":true}');

/** A process that is not run to its end. */
function start(t, command, args, env = {}) {
    const child = spawn(command, args, { env: { ...process.env, NO_COLOR: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (chunk) => (output[name] += chunk));
    const closed = once(child, 'close');
    atEnd(t, () => child.kill('SIGKILL'));
    return { child, output, closed };
}

async function webhooks(server, result) {
    const metrics = await server.request({ path: '/metrics', headers: { authorization: `Bearer ${server.token}` } });
    return Number(new RegExp(`^fairlead_webhooks_total\\{result="${result}"\\} (\\d+)`, 'm').exec(metrics.text)[1]);
}

test('a dry run repeats itself, and import takes it', async (t) => {
    const args = ['simulate', '--dry-run', '--users', '200', '--seed', '7'];
    const first = await fairlead(args);
    assert.equal(first.code, 0, first.stderr);
    assert.equal((await fairlead(args)).stdout, first.stdout);
    assert.notEqual((await fairlead([...args.slice(0, -1), '8'])).stdout, first.stdout);

    const lines = first.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    const [, written, events, duplicates] = /^(\d+) webhooks written .*: (\d+) events, (\d+) duplicates?$/m.exec(first.stderr).map(Number);
    assert.equal(lines.length, written);
    assert.equal(new Set(lines.map((line) => line.id)).size, events);
    assert.ok(duplicates > 0);
    for (let i = 1; i < lines.length; i++) assert.ok(lines[i].received_at_us >= lines[i - 1].received_at_us);
    const late = lines.filter((line) => Date.parse(JSON.parse(line.body).timestamp) < Date.parse(line.received_at) - 5000);
    assert.ok(late.length > 0);

    const data = path.join(temporaryDirectory(t), 'data');
    const imported = await fairlead(['import', '--data', data], { input: first.stdout });
    assert.equal(imported.stdout, `${events} stored, ${duplicates} duplicates, 0 bad lines\n`);
});

test('--output writes the same to a file', async (t) => {
    const file = path.join(temporaryDirectory(t), 'history.jsonl');
    const result = await simulate(['--users', '20', '--seed', '7', '--output', file]);
    assert.equal(result.code, 0, result.stderr);
    const lines = fs.readFileSync(file, 'utf8');
    assert.equal(result.summary.sent, lines.trimEnd().split('\n').length);
    assert.equal(lines, (await fairlead(['simulate', '--dry-run', '--users', '20', '--seed', '7'])).stdout);
});

test('the summary says what the server counted; the same again is all duplicates', async (t) => {
    const server = await startServer(t, { args: ['--print', 'none'] });
    const args = ['--url', server.url, '--users', '300', '--speed', '0', '--seed', '3', '--start', START];
    const { code, summary, stderr } = await simulate(args);
    assert.equal(code, 0, stderr);
    assert.equal(summary.seed, 3);
    assert.equal(summary.start, '2026-05-04T10:00:00.000Z');
    assert.ok(summary.sent > 700 && summary.duplicates > 0);
    assert.equal(summary.stored + summary.duplicates, summary.sent);
    assert.deepEqual([summary.refused, summary.unanswered, summary.sent_again], [0, 0, 0]);
    assert.equal(Object.values(summary.types).reduce((a, b) => a + b), summary.sent);
    assert.equal(await webhooks(server, 'stored'), summary.stored);
    assert.equal(await webhooks(server, 'duplicate'), summary.duplicates);

    const again = (await simulate(args)).summary;
    assert.deepEqual([again.sent, again.stored, again.duplicates], [summary.sent, 0, summary.sent]);
    assert.equal(await webhooks(server, 'duplicate'), summary.duplicates + summary.sent);

    /* What was sent is what a dry run writes. */
    const dry = await fairlead(['simulate', '--dry-run', '--users', '300', '--seed', '3', '--start', START]);
    const bodies = (records) => [...new Set(records.map((record) => record.body))].sort();
    assert.deepEqual(bodies(dry.stdout.trimEnd().split('\n').map((line) => JSON.parse(line))), bodies(await exportEvents(server.data)));
});

test('signed, and refused when not', async (t) => {
    const server = await startServer(t, { args: ['--secret', 'test-secret-local-0001', '--print', 'none'] });
    const args = ['--url', server.url, '--users', '20', '--speed', '0'];
    const signed = await simulate([...args, '--secret', 'test-secret-local-0001']);
    assert.equal(signed.code, 0, signed.stderr);
    assert.equal(signed.summary.refused, 0);
    assert.equal(await webhooks(server, 'stored'), signed.summary.stored);
    assert.match(signed.stderr, /^seed \d+$/m);
    const unsigned = await simulate(args);
    assert.equal(unsigned.code, 1);
    assert.equal(unsigned.summary.refused, unsigned.summary.sent);
});

test('a history is played up to now, and goes on from there', async (t) => {
    const server = await startServer(t, { args: ['--print', 'none'] });
    const before = Date.now();
    const run = start(t, BINARY, ['simulate', '--url', server.url, '--history', '24h', '--users', '0', '--interval', '2m', '--json']);
    await until('the end of the past', () => /the past is played: (\d+) webhooks/.exec(run.output.stderr));
    const played = Date.now();
    run.child.kill('SIGINT');
    assert.deepEqual(await within(run.closed, 'the end'), [0, null], run.output.stderr);
    const summary = JSON.parse(run.output.stdout);
    const events = await exportEvents(server.data);
    assert.equal(events.length, summary.stored);
    const times = events.map((event) => JSON.parse(event.body)).map((body) => Date.parse((body.event?.body ?? body).timestamp));
    const day = 24 * 3600_000;
    assert.ok(Math.min(...times) >= before - day - 10_000 && Math.min(...times) < before - day + 3600_000);
    assert.ok(Math.max(...times) > before - 3600_000 && Math.max(...times) < played + 10_000);
});

test('as fast as possible: ends about now, and not in the future', async (t) => {
    const times = [];
    const receiver = await startReceiver(t, (response, incoming, body) => {
        const event = JSON.parse(body);
        times.push(Date.parse((event.event?.body ?? event).timestamp));
        succeed(response);
    });
    const { code } = await simulate(['--url', receiver.url, '--users', '500', '--speed', '0', '--clock-skew', '0']);
    assert.equal(code, 0);
    const late = (Math.max(...times) - Date.now()) / 60_000;
    assert.ok(late > -60 && late < 15, `${late} minutes`);
    assert.ok(Date.now() - Math.min(...times) > 40 * 60_000);
});

test('Ctrl-C: what is on its way is waited for, and counted', async (t) => {
    let received = 0;
    const receiver = await startReceiver(t, (response) => {
        received += 1;
        succeed(response);
    });
    const run = start(t, BINARY, ['simulate', '--url', receiver.url, '--users', '0', '--speed', '0', '--json']);
    await until('some webhooks', () => received > 100);
    run.child.kill('SIGINT');
    assert.deepEqual(await within(run.closed, 'the end'), [0, null], run.output.stderr);
    const summary = JSON.parse(run.output.stdout);
    assert.deepEqual([summary.sent, summary.stored, summary.unanswered], [received, received, 0]);
});

test('sent again after 503, when Retry-After says, signed anew; nothing is lost', async (t) => {
    const attempts = new Map();
    const receiver = await startReceiver(t, (response, incoming, body) => {
        const key = incoming.headers['webhook-id'] ?? body;
        const seen = attempts.get(key) ?? [];
        attempts.set(key, [...seen, { at: performance.now(), headers: incoming.headers }]);
        if (seen.length > 0) succeed(response);
        else if (attempts.size === 1) response.writeHead(503, { 'retry-after': '1' }).end();
        else if (attempts.size === 2) response.destroy();
        else if (attempts.size < 10) response.writeHead(500).end();
        else succeed(response);
    });
    const { code, summary, stderr } = await simulate(
        ['--url', receiver.url, '--users', '30', '--speed', '0', '--duplicates', '0', '--secret', 'test-secret-local-0001']);
    assert.equal(code, 0, stderr);
    assert.equal(summary.stored, summary.sent);
    assert.equal(attempts.size, summary.sent);
    assert.equal(summary.sent_again, 9);
    const [first] = attempts.values();
    assert.ok(first[1].at - first[0].at >= 1000);
    const again = [...attempts.values()].filter((list) => list.length > 1);
    assert.equal(again.length, 9);
    for (const [a, b] of again) {
        if (a.headers['x-composio-delivery-attempt']) assert.equal(b.headers['x-composio-delivery-attempt'], '2');
        if (a.headers['webhook-timestamp'] !== b.headers['webhook-timestamp']) {
            assert.notEqual(a.headers['webhook-signature'], b.headers['webhook-signature']);
        }
    }
});

test('--attempts bounds the patience', async (t) => {
    const receiver = await startReceiver(t, (response) => response.writeHead(503).end());
    const { code, summary } = await simulate(['--url', receiver.url, '--users', '3', '--speed', '0', '--attempts', '2']);
    assert.equal(code, 1);
    assert.equal(summary.refused, summary.sent);
    assert.equal(summary.sent_again, summary.sent);
});

test('nobody there, and nobody there any more', async (t) => {
    let received = 0;
    const receiver = await startReceiver(t, (response) => {
        received += 1;
        if (received < 20) succeed(response);
        else receiver.emit('enough');
    });
    const enough = once(receiver, 'enough');
    const run = start(t, BINARY, ['simulate', '--url', receiver.url, '--users', '0', '--speed', '0', '--attempts', '3']);
    await within(enough, 'some webhooks');
    receiver.closeAllConnections();
    receiver.close();
    assert.deepEqual(await within(run.closed, 'the end'), [1, null]);
    assert.match(run.output.stderr, /127\.0\.0\.1/);
    assert.match(run.output.stdout, /without an answer/);

    const nobody = await fairlead(['simulate', '--url', receiver.url]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /cannot connect/);
    assert.equal(nobody.stdout, '');
});

test('paced by rate', async (t) => {
    const times = [];
    const receiver = await startReceiver(t, (response) => {
        times.push(performance.now());
        succeed(response);
    });
    const { summary } = await simulate(['--url', receiver.url, '--users', '10', '--rate', '50', '--start', START]);
    assert.ok(times.at(-1) - times[0] >= ((summary.sent - 1) / 50) * 1000 * 0.9);
});

test('compressed time: as long as the history is, divided by speed', async (t) => {
    const times = [];
    const receiver = await startReceiver(t, (response) => {
        times.push(performance.now());
        succeed(response);
    });
    const args = ['--users', '20', '--seed', '5', '--start', START];
    const dry = (await fairlead(['simulate', '--dry-run', ...args])).stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    const span = (dry.at(-1).received_at_us - dry[0].received_at_us) / 1000;
    const { summary } = await simulate(['--url', receiver.url, '--speed', '1000', ...args]);
    assert.equal(summary.sent, dry.length);
    assert.ok(times.at(-1) - times[0] >= (span / 1000) * 0.9);
});

test('wrong usage', async () => {
    for (const args of [['--seed', 'x'], ['--seed', '-1'], ['--start', 'soon'], ['--users', '-1'], ['--apps', '9'],
        ['--duplicates', '101'], ['--url', 'ftp://h/'], ['--start', START, '--history', '1h'], ['operand']]) {
        const result = await fairlead(['simulate', ...args]);
        assert.equal(result.code, 2, args.join(' '));
        assert.match(result.stderr, /help simulate/);
    }
});

test('the demo: a server and its users, which end together and leave nothing', async (t) => {
    const temporary = temporaryDirectory(t);
    const env = { TMPDIR: temporary, FAIRLEAD_INTERVAL: '2m' };
    for (const signal of ['SIGINT', 'SIGTERM']) {
        const demo = start(t, path.join(ROOT, 'tools/demo'), [BINARY, '--listen', '127.0.0.1:0', '--secret', 'demo-secret'], env);
        const [, url] = await until('ready', () => /ready url=(http:\S+)/.exec(demo.output.stderr));
        await until('the end of the past', () => /the past is played/.test(demo.output.stderr));
        assert.equal((await request(url, { path: '/readyz' })).status, 200);
        demo.child.kill(signal);
        /* Its output ends when the last process that holds it has ended. */
        assert.deepEqual(await within(demo.closed, 'the end of all'), [0, null], demo.output.stderr);
        assert.match(demo.output.stdout, /\d+ webhooks sent .*, 0 refused/);
        assert.match(demo.output.stderr, /stopped/);
        await assert.rejects(request(url, { path: '/readyz' }));
        assert.deepEqual(fs.readdirSync(temporary), []);
    }

    const taken = await startServer(t);
    const address = new URL(taken.url).host;
    const second = start(t, path.join(ROOT, 'tools/demo'), [BINARY, '--listen', address], env);
    assert.deepEqual(await within(second.closed, 'the end'), [1, null]);
    assert.match(second.output.stderr, /taken/);
    assert.equal(second.output.stdout, '');
});

test('the demo says how to look at it, also where no terminal is', async (t) => {
    const data = path.join(temporaryDirectory(t), 'with a space');
    const demo = start(t, path.join(ROOT, 'tools/demo'), [BINARY, '--listen', '127.0.0.1:0', '--data', data],
        { FAIRLEAD_INTERVAL: '2m' });
    const [, line, url] = await until('how to look', () => /(export FAIRLEAD_URL=(http:\S+) .*)\n/.exec(demo.output.stderr));
    assert.ok(demo.output.stderr.includes(`ready url=${url} `), demo.output.stderr);
    const shown = start(t, 'bash', ['-c', `${line}\nexec "$0" accounts --json --limit 1`, BINARY]);
    assert.deepEqual(await within(shown.closed, 'the answer'), [0, null], shown.output.stderr);
    const token = fs.readFileSync(path.join(data, 'admin-token'), 'utf8').trim();
    demo.child.kill('SIGTERM');
    assert.deepEqual(await within(demo.closed, 'the end of all'), [0, null], demo.output.stderr);
    assert.ok(!demo.output.stderr.includes(token), 'a log has no token');
});

test('the demo: the users leave when the server dies', async (t) => {
    const temporary = temporaryDirectory(t);
    const data = path.join(temporary, 'kept');
    const demo = start(t, path.join(ROOT, 'tools/demo'), [BINARY, '--listen', '127.0.0.1:0', '--data', data],
        { TMPDIR: temporary, FAIRLEAD_INTERVAL: '2m' });
    await until('the end of the past', () => /the past is played/.test(demo.output.stderr));
    const owner = (await fairlead(['serve', '--listen', '127.0.0.1:0', '--data', data])).stderr;
    process.kill(Number(/process (\d+)|pid[ =](\d+)/i.exec(owner).slice(1).find(Boolean)), 'SIGKILL');
    const [code] = await within(demo.closed, 'the end of all');
    assert.notEqual(code, 0);
    assert.deepEqual(fs.readdirSync(temporary), ['kept']);
    assert.ok((await exportEvents(data)).length > 1000);
});
