// kill -9 under load, again and again on one data directory: what was acknowledged is there, exactly once.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';

import { BINARY, atEnd, chance, exportEvents, flood, startServer, temporaryDirectory, uniqueEvent } from '../e2e/harness.mjs';

const ROUNDS = 20;
const CONNECTIONS = 48;

/** Compares the journal with every event ever sent: acknowledged exactly once, others at most once, nothing else. */
async function compare(data, acknowledged, sent) {
    const times = new Map();
    const events = await exportEvents(data);
    for (const event of events) times.set(event.body, (times.get(event.body) ?? 0) + 1);
    assert.ok(events.every((event, i) => i === 0 || event.seq > events[i - 1].seq), 'numbers rise');
    // Between them stand records about events that came again, which are not exported. All together leave no gap.
    const [first, last, records] = execFileSync('sqlite3', ['-readonly', path.join(data, 'journal.db'), 'SELECT min(seq), max(seq), count(*) FROM record'])
        .toString().trim().split('|').map(Number);
    if (records > 0) assert.deepEqual([first, last], [1, records], 'numbers from 1 without gaps');
    assert.ok(records >= events.length);
    const missing = [...acknowledged].filter((body) => !times.has(body));
    const twice = [...times].filter(([, count]) => count > 1).map(([body]) => body);
    const unknown = [...times.keys()].filter((body) => !sent.has(body));
    assert.deepEqual({ missing, twice, unknown }, { missing: [], twice: [], unknown: [] });
    return events.length;
}

/** Load until `kill_after` answers have come, then kill -9. `next` gives the bodies. */
async function loadAndKill(server, killAfter, next, onAnswer) {
    let answers = 0;
    let dead = killAfter === 0 ? server.kill() : null;
    await flood(server.url, {
        connections: CONNECTIONS,
        next: () => (dead ? null : next()),
        onAnswer: (body, answer) => {
            onAnswer(body, answer);
            answers += 1;
            if (answers === killAfter) dead = server.kill();
        },
    });
    assert.ok(dead, `the connections ended before kill -9: ${server.stderr.slice(-2000)}`);
    await dead;
}

test(`${ROUNDS} rounds of kill -9: acknowledged events are there exactly once`, async (t) => {
    const random = chance(t);
    const data = path.join(temporaryDirectory(t), 'data');
    const acknowledged = new Set();
    const sent = new Set();
    for (let round = 0; round < ROUNDS; round++) {
        const server = await startServer(t, { data, stdout: 'ignore' });
        const killAfter = round === 0 ? 0 : random.between(1, 2500);
        await loadAndKill(
            server,
            killAfter,
            () => {
                const body = uniqueEvent('kill');
                sent.add(body);
                return body;
            },
            (body, answer) => {
                assert.equal(answer.text, '{"success":true}');
                acknowledged.add(body);
            },
        );
        const stored = await compare(data, acknowledged, sent);
        t.diagnostic(`round ${round + 1}: killed after ${killAfter}; acknowledged ${acknowledged.size}, stored ${stored}`);
    }
    const last = await startServer(t, { data, stdout: 'ignore' });
    await compare(data, acknowledged, sent);
    // The dedupe window of the dead knows them all.
    for (const body of [...acknowledged].slice(-200)) {
        assert.equal((await last.post(body)).text, '{"success":true,"duplicate":true}');
    }
    await last.stop();
    await compare(data, acknowledged, sent);
});

test(`${ROUNDS} rounds of kill -9 and a sender that retries: every event is there exactly once`, async (t) => {
    const random = chance(t);
    const data = path.join(temporaryDirectory(t), 'data');
    const acknowledged = new Set();
    const sent = new Set();
    let duplicates = 0;
    // What was sent and not answered goes first to the next process.
    let unanswered = [];
    const next = () => {
        const body = unanswered.pop() ?? uniqueEvent('retry');
        sent.add(body);
        return body;
    };
    const onAnswer = (body, answer) => {
        assert.equal(answer.status, 200, answer.text);
        if (answer.text !== '{"success":true}') {
            assert.equal(answer.text, '{"success":true,"duplicate":true}');
            duplicates += 1;
        }
        assert.ok(!acknowledged.has(body));
        acknowledged.add(body);
    };
    for (let round = 0; round < ROUNDS; round++) {
        const server = await startServer(t, { data, stdout: 'ignore' });
        unanswered = [...sent].filter((body) => !acknowledged.has(body));
        await loadAndKill(server, random.between(1, 2000), next, onAnswer);
    }
    const last = await startServer(t, { data, stdout: 'ignore' });
    unanswered = [...sent].filter((body) => !acknowledged.has(body));
    await flood(last.url, { connections: CONNECTIONS, next: () => unanswered.pop() ?? null, onAnswer });
    await last.stop();
    assert.equal(acknowledged.size, sent.size);
    assert.equal(await compare(data, acknowledged, sent), sent.size);
    t.diagnostic(`${sent.size} events, ${duplicates} had been stored without their answer arriving`);
});

test('kill -9 while starting, with a journal to recover', async (t) => {
    const random = chance(t);
    const data = path.join(temporaryDirectory(t), 'data');
    const acknowledged = new Set();
    const sent = new Set();
    const first = await startServer(t, { data, stdout: 'ignore' });
    const next = () => {
        const body = uniqueEvent('start');
        sent.add(body);
        return body;
    };
    await loadAndKill(first, 3000, next, (body) => acknowledged.add(body));
    for (let round = 0; round < 15; round++) {
        const child = spawn(BINARY, ['serve', '--listen', '127.0.0.1:0', '--data', data], { stdio: 'ignore' });
        atEnd(t, () => child.kill('SIGKILL'));
        const gone = once(child, 'exit');
        const after = random.between(0, 20);
        setTimeout(() => child.kill('SIGKILL'), after); // the point of time is what this test is about
        await gone;
    }
    await compare(data, acknowledged, sent);
    const server = await startServer(t, { data, stdout: 'ignore' });
    for (const body of [...acknowledged].slice(0, 50)) {
        assert.equal((await server.post(body)).text, '{"success":true,"duplicate":true}');
    }
    await server.stop();
    await compare(data, acknowledged, sent);
});
