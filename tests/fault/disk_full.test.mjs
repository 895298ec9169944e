// A disk that is full, then is not: nothing is acknowledged that is not stored, and no restart is needed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
    assertDuplicate,
    assertError,
    assertStored,
    atEnd,
    exportEvents,
    fairlead,
    flood,
    startServer,
    temporaryDirectory,
    uniqueEvent,
    until,
} from '../e2e/harness.mjs';

/** A small file system of its own, or the reason why there can be none. */
function mountSmall(t, megabytes) {
    if (process.getuid() !== 0) return { reason: 'only root may mount a small file system' };
    const directory = temporaryDirectory(t);
    const made = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', directory]);
    if (made.status !== 0) return { reason: `mount is not allowed here: ${String(made.stderr).trim()}` };
    atEnd(t, () => spawnSync('umount', ['-l', directory]));
    return { directory };
}

/** Takes all the space that is left. */
function fill(ballast) {
    const file = fs.openSync(ballast, 'a');
    try {
        for (let size = 65536; size >= 1; ) {
            try {
                if (fs.writeSync(file, Buffer.alloc(size, 'b')) < size) throw Object.assign(new Error(), { code: 'ENOSPC' });
            } catch (error) {
                assert.equal(error.code, 'ENOSPC');
                size = Math.floor(size / 2);
            }
        }
    } finally {
        fs.closeSync(file);
    }
}

const large = (marker) => uniqueEvent(marker, { filler: 'x'.repeat(20_000) });

/** Sends until the first refusal for want of space; gives what was acknowledged and what was refused. */
async function sendUntilFull(server) {
    const acknowledged = [];
    const refused = [];
    await flood(server.url, {
        connections: 8,
        next: () => (refused.length === 0 && acknowledged.length < 10_000 ? large('full') : null),
        onAnswer: (body, answer) => {
            if (answer.status === 200) {
                acknowledged.push(body);
            } else {
                assertError(answer, 503, 'storage_unavailable');
                assert.match(answer.headers['retry-after'], /^\d+$/);
                refused.push(body);
            }
        },
    });
    // What did not fit together may still fit alone: full is when nothing does, many times in a row.
    for (let inARow = 0; inARow < 20; ) {
        assert.ok(refused.length > 0 && acknowledged.length < 10_000, 'the disk never was full');
        const body = large('full');
        const answer = await server.post(body);
        if (answer.status === 200) {
            acknowledged.push(body);
            inARow = 0;
            continue;
        }
        assertError(answer, 503, 'storage_unavailable');
        assert.match(answer.headers['retry-after'], /^\d+$/);
        refused.push(body);
        inARow += 1;
    }
    return { acknowledged, refused };
}

async function assertStoredOnce(data, acknowledged) {
    const stored = (await exportEvents(data)).map((event) => event.body);
    assert.equal(new Set(stored).size, stored.length, 'nothing twice');
    const all = new Set(stored);
    assert.equal(acknowledged.filter((body) => !all.has(body)).length, 0, 'nothing acknowledged is missing');
    return all;
}

test('disk full: 503 while it is, 200 again when there is space, without a restart', async (t) => {
    const { directory, reason } = mountSmall(t, 24);
    if (reason) return t.skip(reason);
    const data = path.join(directory, 'data');
    const ballast = path.join(directory, 'ballast');
    const server = await startServer(t, { data, stdout: 'ignore', args: ['--no-auth'] });
    const acknowledged = [];
    for (let i = 0; i < 50; i++) {
        const body = uniqueEvent('before');
        assertStored(await server.post(body));
        acknowledged.push(body);
    }
    for (let round = 0; round < 3; round++) {
        fill(ballast);
        const result = await sendUntilFull(server);
        acknowledged.push(...result.acknowledged);
        // Where a batch had no room a single event may have some: go on until twenty in a row are refused.
        for (let inARow = 0; inARow < 20; ) {
            const body = large('full');
            const answer = await server.post(body);
            if (answer.status === 200) {
                acknowledged.push(body);
                inARow = 0;
                continue;
            }
            assertError(answer, 503, 'storage_unavailable');
            assert.match(answer.headers['retry-after'], /^\d+$/);
            inARow += 1;
        }
        const ready = await server.request({ path: '/readyz' });
        assertError(ready, 503, 'storage_unavailable');
        assert.match(ready.json.error.message, /full|space/i);
        assert.match(ready.headers['retry-after'], /^\d+$/);
        assert.equal((await server.request({ path: '/healthz' })).status, 200);
        const metrics = (await server.request({ path: '/metrics' })).text;
        assert.match(metrics, /^fairlead_ready 0$/m);
        assert.match(metrics, /^fairlead_webhooks_total\{result="storage_unavailable"\} [1-9]/m);
        await assertStoredOnce(data, acknowledged);

        fs.rmSync(ballast);
        await until('ready again', async () => (await server.request({ path: '/readyz' })).status === 200);
        for (const body of result.refused) {
            const answer = await server.post(body);
            assert.equal(answer.status, 200, answer.text);
            acknowledged.push(body);
        }
        const body = uniqueEvent('after');
        assertStored(await server.post(body));
        acknowledged.push(body);
        const stored = await assertStoredOnce(data, acknowledged);
        t.diagnostic(`round ${round + 1}: ${acknowledged.length} acknowledged, ${stored.size} stored`);
    }
    assert.match((await server.request({ path: '/metrics' })).text, /^fairlead_ready 1$/m);
    await server.stop();
    const again = await startServer(t, { data, stdout: 'ignore' });
    assertDuplicate(await again.post(acknowledged.at(-1)));
    await again.stop();
    await assertStoredOnce(data, acknowledged);
});

test('disk full, then kill -9: the next start has everything', async (t) => {
    const { directory, reason } = mountSmall(t, 16);
    if (reason) return t.skip(reason);
    const data = path.join(directory, 'data');
    const ballast = path.join(directory, 'ballast');
    const server = await startServer(t, { data, stdout: 'ignore' });
    fill(ballast);
    const { acknowledged } = await sendUntilFull(server);
    await server.kill();
    fs.rmSync(ballast);
    const next = await startServer(t, { data, stdout: 'ignore' });
    await assertStoredOnce(data, acknowledged);
    assertStored(await next.post(uniqueEvent()));
    await next.stop();
});

test('a read-only file system: the start is refused with the directory; 503 when it turns read-only', async (t) => {
    const { directory, reason } = mountSmall(t, 16);
    if (reason) return t.skip(reason);
    const data = path.join(directory, 'data');
    const first = await startServer(t, { data, stdout: 'ignore' });
    const body = uniqueEvent();
    assertStored(await first.post(body));
    await first.stop();

    const remount = (mode) => spawnSync('mount', ['-o', `remount,${mode}`, directory]);
    assert.equal(remount('ro').status, 0);
    for (const place of [data, path.join(directory, 'new')]) {
        const refused = await fairlead(['serve', '--listen', '127.0.0.1:0', '--data', place]);
        assert.equal(refused.code, 1, refused.stderr);
        assert.ok(refused.stderr.includes(place), refused.stderr);
        assert.match(refused.stderr, /read-only/i);
    }
    const doctor = await fairlead(['doctor', '--json', '--listen', '127.0.0.1:0', '--data', data]);
    const found = JSON.parse(doctor.stdout).checks.find((each) => each.check === 'data directory');
    assert.equal(found.result, 'fail');
    assert.match(found.message, /read-only/i);
    assert.match(found.advice, /mount it writable/);
    assert.equal(remount('rw').status, 0);
    const second = await startServer(t, { data, stdout: 'ignore' });
    assertDuplicate(await second.post(body));
    if (remount('ro').status !== 0) {
        t.diagnostic('this kernel does not make a file system read-only while files are open for writing: not tried');
        return;
    }
    assertError(await second.post(uniqueEvent()), 503, 'storage_unavailable');
    assertError(await second.request({ path: '/readyz' }), 503, 'storage_unavailable');
    assert.equal(remount('rw').status, 0);
    await until('ready again', async () => (await second.request({ path: '/readyz' })).status === 200);
    assertStored(await second.post(uniqueEvent()));
});
