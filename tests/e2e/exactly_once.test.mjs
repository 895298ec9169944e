// 100,000 distinct events, each sent three times from parallel connections: 100,000 are stored.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { exportEvents, flood, startServer } from './harness.mjs';

const COUNT = 100_000;

test('100,000 distinct events, each sent three times: 100,000 stored', async (t) => {
    const server = await startServer(t, { stdout: 'ignore' });
    const results = { stored: 0, duplicate: 0 };
    const bodies = Array.from({ length: COUNT }, (_, i) =>
        JSON.stringify({ type: 'connected_account.add.start', timestamp: '2026-05-04T10:00:00.120Z', data: { connected_account_id: `once-${i}` } }),
    );
    // The copies follow each other at a distance of less than the number of connections: they meet on their way.
    let at = 0;
    const order = (n) => Math.floor(n / 60) * 20 + (n % 20);
    await flood(server.url, {
        connections: 64,
        next: () => (at < 3 * COUNT ? bodies[order(at++)] : null),
        onAnswer: (_, answer) => {
            assert.equal(answer.status, 200);
            if (answer.text === '{"success":true}') results.stored += 1;
            else if (answer.text === '{"success":true,"duplicate":true}') results.duplicate += 1;
            else assert.fail(answer.text);
        },
    });
    assert.deepEqual(results, { stored: COUNT, duplicate: 2 * COUNT });
    await server.stop();
    const events = await exportEvents(server.data);
    assert.equal(events.length, COUNT);
    assert.equal(new Set(events.map((event) => event.id)).size, COUNT);
    assert.deepEqual(new Set(events.map((event) => event.body)), new Set(bodies));
    /* Between them stand the records about duplicates, which are not exported: once a second at most. */
    assert.ok(events.every((event, i) => i === 0 || event.seq > events[i - 1].seq), 'numbers rise');
    const [records, last, others] = execFileSync('sqlite3', [`${server.data}/journal.db`,
        'SELECT count(*), max(seq), count(*) FILTER (WHERE kind = 3) FROM record']).toString().trim().split('|').map(Number);
    assert.equal(records, last, 'numbers without gaps');
    assert.equal(records - others, COUNT);
});
