// Open files run out: what is connected is served, and when there are some again, so is everybody else.
import { spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { RawConnection, assertStored, hasProgram, rawPost, startServer, uniqueEvent, until, within } from './harness.mjs';

const POSSIBLE = hasProgram('prlimit') || 'no prlimit here';
const SOON_MS = 20_000;

const openFiles = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;
const openMany = (t, url, count) => Promise.all(Array.from({ length: count }, () => RawConnection.open(t, url)));

test('accepts again when descriptors that had run out are free', { skip: POSSIBLE !== true && POSSIBLE }, async (t) => {
    const server = await startServer(t, { args: ['--print', 'none'] });
    assertStored(await server.post(uniqueEvent()));
    const limit = openFiles(server.pid) + 8;
    assert.equal(spawnSync('prlimit', ['--pid', server.pid, `--nofile=${limit}:${limit}`]).status, 0);
    const connections = await openMany(t, server.url, 40);
    await until('no descriptor is left', () => openFiles(server.pid) >= limit);
    for (const connection of connections) connection.destroy();
    for (let i = 0; i < 5; i++) {
        assertStored(await within(server.post(uniqueEvent()), 'an answer after descriptors were free', SOON_MS));
    }
});

for (const limit of [60, 100, 200, 300]) {
    test(`a limit of ${limit} open files leaves room for a sender`, { skip: POSSIBLE !== true && POSSIBLE }, async (t) => {
        const prefix = ['prlimit', `--nofile=${limit}:${limit}`];
        const server = await startServer(t, { prefix, args: ['--print', 'none'] });
        await openMany(t, server.url, limit + 40);
        for (let i = 0; i < 5; i++) {
            const connection = await RawConnection.open(t, server.url);
            await connection.write(rawPost(uniqueEvent()));
            assertStored(await connection.answer('an answer beside idle connections', SOON_MS));
            connection.destroy();
        }
        assert.match(server.stderr, /open-file limit/);
    });
}
