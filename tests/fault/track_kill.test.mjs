// kill -9 while the tracker follows the journal, again and again on one data directory: after each restart it goes on, and
// what state.db then says is what a rebuild from the journal says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { chance, fairlead, flood, startServer, temporaryDirectory, until } from '../e2e/harness.mjs';

const ROUNDS = 20;
const CONNECTIONS = 16;
const ACCOUNTS = 60;
const TYPES = ['add.start', 'add.start', 'add.completed', 'add.completed', 'add.failed', 'deleted', 'note'];

/** Long ago, so that the clock has judged everything before and after the rebuild alike. */
const START = Date.parse('2026-01-05T10:00:00Z');

/** Makes bodies of random accounts, steps and times; no two are the same. */
function bodies(random) {
    let number = 0;
    return () => {
        number += 1;
        const account = random.below(ACCOUNTS);
        const data = { connected_account_id: `ca_${account}`, body: { number } };
        if (random.below(2)) data.app_name = `app_${account % 5}`;
        if (random.below(4) === 0) data.integration_name = `integration_${random.below(3)}`;
        if (random.below(4) === 0) data.user_id = `user_${random.below(20)}`;
        const timestamp = new Date(START + random.below(3_600_000)).toISOString();
        return JSON.stringify({ type: `connected_account.${TYPES[random.below(TYPES.length)]}`, timestamp, data });
    };
}

function query(file, sql) {
    const result = spawnSync('sqlite3', [file, sql], { encoding: 'utf8', maxBuffer: 1 << 28 });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
}

const position = (data) => Number(query(path.join(data, 'state.db'), "SELECT value FROM meta WHERE key = 'position'"));
const lastRecord = (data) => Number(query(path.join(data, 'journal.db'), 'SELECT coalesce(max(seq), 0) FROM record'));

/** Every row of state.db that users can see something of, and what a few searches find. */
function dump(data) {
    const file = path.join(data, 'state.db');
    assert.equal(query(file, 'PRAGMA integrity_check'), 'ok\n');
    return [
        query(file, '.dump meta name account step event duplicate rollup tally'),
        query(file, "SELECT rowid FROM event_text_0('completed') ORDER BY rowid"),
        query(file, "SELECT rowid FROM account_text('(app AND 1) OR (user AND 7)') ORDER BY rowid"),
    ].join('----\n');
}

async function loadAndKill(server, killAfter, next) {
    let answers = 0;
    let dead = null;
    await flood(server.url, {
        connections: CONNECTIONS,
        next: () => (dead ? null : next()),
        onAnswer: () => {
            answers += 1;
            if (answers === killAfter) dead = server.kill();
        },
    });
    assert.ok(dead, `the connections ended before kill -9: ${server.stderr.slice(-2000)}`);
    await dead;
}

test(`${ROUNDS} rounds of kill -9 during tracking: after a restart the state equals a rebuild`, async (t) => {
    const random = chance(t);
    const next = bodies(random);
    const data = path.join(temporaryDirectory(t), 'data');
    for (let round = 1; round <= ROUNDS; round++) {
        await loadAndKill(await startServer(t, { data, stdout: 'ignore' }), random.between(1, 800), next);
        const before = lastRecord(data);
        const server = await startServer(t, { data, stdout: 'ignore' });
        await until('the tracker has caught up', () => position(data) >= before);
        await server.stop();
        const lived = dump(data);
        const rebuilt = await fairlead(['rebuild', '--data', data]);
        assert.equal(rebuilt.code, 0, rebuilt.stderr);
        assert.ok(dump(data) === lived, `round ${round}: state.db differs after a rebuild; ${before} records`);
        t.diagnostic(`round ${round}: ${before} records`);
    }
});
