// Standard output is a pipe that nobody reads: senders never notice, and what was not printed is counted and said.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { exportEvents, flood, startServer, uniqueEvent, until } from './harness.mjs';

const COUNT = 20_000;

/** Sends the events; gives how long that took and the slowest answer. */
async function send(server) {
    let left = COUNT;
    let slowest = 0;
    const sentAt = new Map();
    const began = performance.now();
    await flood(server.url, {
        connections: 32,
        next: () => {
            if (left === 0) return null;
            left -= 1;
            const body = uniqueEvent('print');
            sentAt.set(body, performance.now());
            return body;
        },
        onAnswer: (body, answer) => {
            assert.equal(answer.text, '{"success":true}');
            slowest = Math.max(slowest, performance.now() - sentAt.get(body));
            sentAt.delete(body);
        },
    });
    assert.equal(sentAt.size, 0, 'every event was answered');
    return { took: performance.now() - began, slowest };
}

for (const style of ['pretty', 'line']) {
    test(`--print ${style} into a pipe that nobody reads`, async (t) => {
        const without = await startServer(t, { args: ['--print', 'none'] });
        const alone = await send(without);
        await without.stop();
        assert.equal(without.stdout, '');

        const server = await startServer(t, { args: ['--print', style, '--no-auth'], stdout: 'hold' });
        const blocked = await send(server);
        t.diagnostic(
            `nothing printed: ${alone.took.toFixed(0)} ms, slowest ${alone.slowest.toFixed(0)} ms; ` +
                `nobody reads: ${blocked.took.toFixed(0)} ms, slowest ${blocked.slowest.toFixed(0)} ms`,
        );
        assert.ok(blocked.took < 2 * alone.took + 1000, 'answered at the normal pace');
        const metrics = await server.request({ path: '/metrics' });
        assert.match(metrics.text, /^fairlead_print_skipped_total \d+$/m);

        const notice = /^\.\.\. (\d+) events not printed/gm;
        const counted = (text) => {
            const skipped = [...text.matchAll(notice)].reduce((sum, match) => sum + Number(match[1]), 0);
            const printed = [...text.matchAll(style === 'pretty' ? /^\{$/gm : / #\d+ connected_account/g)].length;
            return { skipped, printed };
        };
        server.readStdout();
        await server.waitFor('all printed or skipped', () => {
            const { skipped, printed } = counted(server.stdout);
            return skipped + printed === COUNT;
        });
        const { skipped } = counted(server.stdout);
        assert.ok(skipped > 0, 'something had to be skipped');
        const after = await server.request({ path: '/metrics' });
        assert.match(after.text, new RegExp(`^fairlead_print_skipped_total ${skipped}$`, 'm'));
        assert.equal((await exportEvents(server.data)).length, COUNT);
        await server.stop();
    });
}

test('what is not printed is counted and said while nobody reads', async (t) => {
    const server = await startServer(t, { args: ['--print', 'line', '--no-auth'], stdout: 'hold' });
    const count = 2000; // far less than it may be behind
    const skipped = async () => Number(/^fairlead_print_skipped_total (\d+)$/m.exec((await server.request({ path: '/metrics' })).text)[1]);
    let left = count;
    await flood(server.url, { connections: 8, next: () => (left-- > 0 ? uniqueEvent('wait', { text: 'x'.repeat(100) }) : null), onAnswer: () => {} });
    await server.waitForLog(/standard output takes nothing.* events=\d+/);
    const before = await skipped();
    assert.ok(before > 0 && before < count, String(before));
    assert.equal((await server.post(uniqueEvent())).status, 200);
    await until('the next one is counted too', async () => (await skipped()) > before);

    server.readStdout();
    await server.waitForLog(/standard output takes text again/);
    assert.equal((await server.post(uniqueEvent('last'))).status, 200);
    await server.waitFor('printing goes on', () => / last-/.test(server.stdout));
    const printed = [...server.stdout.matchAll(/^\S+ #\d+ connected_account\.add\.start notion \S+ unverified$/gm)].length;
    const notices = [...server.stdout.matchAll(/^\.\.\. (\d+) events not printed/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
    assert.equal(printed + notices, count + 2, 'each is printed whole or counted');
    assert.equal(await skipped(), notices);
    await server.stop();
});

test('a payload that is nested hundreds deep is printed on one line, and takes no more memory than others', async (t) => {
    const server = await startServer(t, { args: ['--print', 'pretty'], memory: true });
    const deep = (name) => `{"name":"${name}","a":${'['.repeat(500)}${'1,'.repeat(500_000)}1${']'.repeat(500)}}`;
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) assert.equal((await server.post(deep(name))).status, 200);
    await server.post('{"name":"last"}');
    await server.waitFor('the last event on standard output', () => server.stdout.endsWith('{\n  "name": "last"\n}\n'));
    assert.equal(server.stdout.split('\n').filter((line) => line.startsWith('{"name":"')).length, 6);
    const { VmHWM } = Object.fromEntries([...fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8').matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, name, kib]) => [name, Number(kib)]));
    t.diagnostic(`at most ${Math.round(VmHWM / 1024)} MiB`);
    // Indented, the six would take 3 GB. (A sanitizer takes three times what the program does.)
    assert.ok(VmHWM < 400 * 1024, `${VmHWM} KiB`);
    await server.stop();
});

test('a pipe that is closed ends printing, not receiving', async (t) => {
    const server = await startServer(t, { args: ['--print', 'pretty'], stdout: 'hold' });
    server.child.stdout.destroy();
    for (let i = 0; i < 100; i++) assert.equal((await server.post(uniqueEvent())).status, 200);
    await server.waitForLog(/standard output is closed/);
    assert.equal((await server.post(uniqueEvent())).status, 200);
    await server.stop();
});

test('a blocked pipe does not hold up the end', async (t) => {
    const server = await startServer(t, { args: ['--print', 'pretty'], stdout: 'hold' });
    await send(server);
    server.child.kill('SIGTERM');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    server.child.stdout.resume();
    assert.equal((await exportEvents(server.data)).length, COUNT);
});
