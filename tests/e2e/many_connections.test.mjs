// Many connections at once: idle ones cost others nothing, and no number of busy ones makes the server stand still.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import {
    RawConnection,
    assertServedWell,
    assertStored,
    exportEvents,
    rawPost,
    startGoodSender,
    startServer,
    uniqueEvent,
    until,
} from './harness.mjs';

/** Opens `count` connections from several addresses of this machine, some at a time. */
async function openMany(t, url, count) {
    const connections = [];
    while (connections.length < count) {
        const some = Array.from({ length: Math.min(200, count - connections.length) }, (_, i) =>
            RawConnection.open(t, url, { localAddress: `127.0.0.${2 + ((connections.length + i) % 5)}` }),
        );
        connections.push(...(await Promise.all(some)));
    }
    return connections;
}

/** The soft limit on open files is raised by Node itself; the hard one is the machine's. */
function openFiles() {
    const [, hard] = /Max open files\s+\S+\s+(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'));
    return Number(hard);
}

test('5,000 idle connections, and a good sender served beside them', async (t) => {
    if (openFiles() < 6000) return t.skip(`the machine allows only ${openFiles()} open files`);
    const server = await startServer(t, { memory: true, stdout: 'ignore', args: ['--no-auth'] });
    const good = await startGoodSender(t, server.url);
    const connections = await openMany(t, server.url, 5000);
    // A third says nothing, a third stops in the headers, a third has had an answer.
    for (const [i, connection] of connections.entries()) {
        if (i % 3 === 1) await connection.write('POST /webhook HTTP/1.1\r\nhost:');
        if (i % 3 !== 2) continue;
        await connection.write(rawPost(uniqueEvent('idle')));
        assertStored(await connection.answer());
    }
    const metrics = await server.request({ path: '/metrics' });
    const open = Number(/^fairlead_http_connections (\d+)$/m.exec(metrics.text)[1]);
    t.diagnostic(`open connections: ${open}`);
    assert.ok(open >= 5000, 'the default limits leave room for 5,000 connections of this machine');
    for (let i = 0; i < 200; i++) {
        const connection = connections[i * 25];
        if (i * 25 % 3 !== 2) continue;
        await connection.write(rawPost(uniqueEvent('idle')));
        assertStored(await connection.answer());
    }
    assertServedWell(t, await good.stop());
    for (const connection of connections) connection.destroy();
    await server.stop();
});

test('more connections than allowed: the longest idle make room, not who is at work', async (t) => {
    const server = await startServer(t, { memory: true, stdout: 'ignore', args: ['--max-connections', '100'] });
    const working = await RawConnection.open(t, server.url);
    const silent = [];
    for (let round = 0; round < 10; round++) {
        await working.write(rawPost(uniqueEvent('working')));
        assertStored(await working.answer());
        silent.push(...(await openMany(t, server.url, 40)));
    }
    await Promise.all(silent.slice(0, 200).map((connection) => connection.closed()));
    assert.ok(!working.isClosed);
    const last = silent.at(-1);
    await last.write(rawPost(uniqueEvent()));
    assertStored(await last.answer());
});

test('silent connections are closed after the time for headers', async (t) => {
    const args = ['--header-timeout', '300ms', '--idle-timeout', '300ms'];
    const server = await startServer(t, { memory: true, stdout: 'ignore', args });
    const connections = await openMany(t, server.url, 200);
    for (const connection of connections.slice(100)) {
        await connection.write(rawPost(uniqueEvent()));
        assertStored(await connection.answer());
    }
    await Promise.all(connections.map((connection) => connection.closed()));
});

// libmicrohttpd 0.9.75's own epoll thread stands still when exactly 128, 256, … descriptors are ready at once. The
// process is stopped while every connection gets its request, so that all of them are ready when it goes on.
const ROUNDS = 20;
for (const count of [127, 128, 129, 256, 384, 512, 1024]) {
    test(`exactly ${count} busy connections make progress`, async (t) => {
        const server = await startServer(t, { memory: true, stdout: 'ignore' });
        const connections = await openMany(t, server.url, count);
        for (let round = 0; round < ROUNDS; round++) {
            const requests = connections.map(() => rawPost(uniqueEvent('busy')));
            process.kill(server.pid, 'SIGSTOP');
            await until('stopped', () => / T /.test(fs.readFileSync(`/proc/${server.pid}/stat`, 'utf8')));
            await Promise.all(connections.map((connection, i) => connection.write(requests[i])));
            process.kill(server.pid, 'SIGCONT');
            const what = `round ${round} of ${count} connections`;
            for (const answer of await Promise.all(connections.map((connection) => connection.answer(what)))) {
                assertStored(answer);
            }
        }
        // And all at once without rounds: every connection has 20 requests waiting.
        const all = connections.map(() => Buffer.concat(Array.from({ length: ROUNDS }, () => rawPost(uniqueEvent('busy')))));
        connections.map((connection, i) => connection.write(all[i]));
        await Promise.all(
            connections.map(async (connection) => {
                for (let i = 0; i < ROUNDS; i++) assertStored(await connection.answer(`pipelined on ${count}`));
            }),
        );
        for (const connection of connections) connection.destroy();
        assert.equal((await exportEvents(server.data)).length, 2 * ROUNDS * count);
        await server.stop();
    });
}
