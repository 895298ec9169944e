// What a service manager is told: ready, reloading, alive, how it is, stopping. It hears it on a real socket.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { assertStored, atEnd, startServer, temporaryDirectory, uniqueEvent, within } from './harness.mjs';

const PEER = path.join(path.dirname(fileURLToPath(import.meta.url)), 'notify_peer.py');

/** The manager's side: `messages` so far, each as an object of its assignments, and waiting for one that fits. */
async function startManager(t) {
    const socket = path.join(temporaryDirectory(t), 'notify');
    const child = spawn('python3', [PEER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    atEnd(t, () => child.kill('SIGKILL'));
    const manager = { socket, messages: [] };
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
        const lines = JSON.parse(line).split('\n');
        manager.messages.push(Object.fromEntries(lines.map((each) => each.split(/=(.*)/s).slice(0, 2))));
        child.emit('message');
    });
    /** The first message from number `from` on that fits, and its number. */
    manager.hears = (what, fits, from = 0) => {
        const wait = async () => {
            for (;;) {
                const index = manager.messages.findIndex((message, i) => i >= from && fits(message));
                if (index >= 0) return { index, ...manager.messages[index] };
                await once(child, 'message');
            }
        };
        return within(wait(), what);
    };
    await manager.hears('bound', (message) => 'bound' in message);
    return manager;
}

const isBeat = (message) => message.WATCHDOG === '1';
const isReady = (message) => message.READY === '1';

test('ready once connections are accepted, then beats in half the time that is allowed, with a status', async (t) => {
    const manager = await startManager(t);
    const started = performance.now();
    const server = await startServer(t, { env: { NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: '400000' } });
    const ready = await manager.hears('READY=1', isReady);
    assertStored(await server.post(uniqueEvent()));
    const beat = await manager.hears('a beat', (message) => isBeat(message) && /^receiving: 1 stored/.test(message.STATUS));
    assert.ok(beat.index > ready.index, 'no beat before it is ready');
    await manager.hears('the beats go on', isBeat, beat.index + 5);
    const beats = manager.messages.filter(isBeat).length;
    const most = (performance.now() - started) / 200 + 2;
    assert.ok(beats <= most, `${beats} beats, ${most} at most: not more often than asked for`);
    await server.stop();
    const stopping = await manager.hears('STOPPING=1', (message) => message.STOPPING === '1');
    assert.ok(stopping.index > beat.index);
});

test('a watchdog meant for another process is not served, a status comes all the same', async (t) => {
    const manager = await startManager(t);
    await startServer(t, { env: { NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' } });
    await manager.hears('a status', (message) => message.STATUS);
    assert.ok(!manager.messages.some(isBeat));
});

test('a reload is announced with the time that notify-reload compares, and ended', async (t) => {
    const manager = await startManager(t);
    const server = await startServer(t, { env: { NOTIFY_SOCKET: manager.socket } });
    await manager.hears('READY=1', isReady);
    const before = process.hrtime.bigint() / 1000n; // CLOCK_MONOTONIC, as the manager's
    server.child.kill('SIGHUP');
    const reloading = await manager.hears('RELOADING=1', (message) => message.RELOADING === '1');
    const ready = await manager.hears('READY=1 again', isReady, reloading.index);
    const after = process.hrtime.bigint() / 1000n;
    assert.ok(BigInt(reloading.MONOTONIC_USEC) >= before && BigInt(reloading.MONOTONIC_USEC) <= after);
    assert.ok(ready.index > reloading.index);
});

test('without a manager, and with one that has gone, the server does not care', async (t) => {
    for (const env of [{}, { NOTIFY_SOCKET: '/nowhere/notify', WATCHDOG_USEC: '1000' }, { NOTIFY_SOCKET: 'vsock:2:1', WATCHDOG_USEC: '1000' }]) {
        const server = await startServer(t, { env });
        assertStored(await server.post(uniqueEvent()));
        await server.stop();
    }
});
