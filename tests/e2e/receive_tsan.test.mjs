// Every thread of the server at work at once, for ThreadSanitizer: senders, duplicates, printing, metrics, reloads, an export, the end.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { assertError, exportEvents, flood, startServer, temporaryDirectory, uniqueEvent } from './harness.mjs';

for (const print of ['pretty', 'line']) {
    test(`everything at the same time, printing --print ${print}`, async (t) => {
        const config = path.join(temporaryDirectory(t), 'fairlead.ini');
        fs.writeFileSync(config, 'verify = none\nsecret = test-secret-local-0001\n');
        const args = ['--config', config, '--print', print, '--no-auth', '--max-body', '4KiB'];
        const server = await startServer(t, { args });
        const bodies = Array.from({ length: 1500 }, () => uniqueEvent('threads'));
        const queue = bodies.flatMap((body, i) => (i % 100 ? [body, body] : [body, '{', 'x'.repeat(5000)]));
        const acknowledged = new Set();
        let done = false;
        const sending = flood(server.url, {
            connections: 40,
            next: () => queue.shift() ?? null,
            onAnswer: (body, answer) => {
                if (body === '{') assertError(answer, 400, 'invalid_json');
                else if (body.startsWith('x')) assertError(answer, 413, 'body_too_large');
                else assert.equal(answer.status, 200, answer.text);
                if (answer.status === 200) acknowledged.add(body);
            },
        }).then(() => (done = true));
        while (!done) {
            for (const target of ['/metrics', '/readyz', '/healthz', '/nothing']) await server.request({ path: target });
            process.kill(server.pid, 'SIGHUP');
            await exportEvents(server.data);
        }
        await sending;
        assert.equal(acknowledged.size, bodies.length);
        await server.stop();
        assert.equal((await exportEvents(server.data)).length, bodies.length);
    });
}

test('the end comes while events do', async (t) => {
    const server = await startServer(t);
    const acknowledged = [];
    await flood(server.url, {
        connections: 40,
        next: () => uniqueEvent('end'),
        onAnswer: (body, answer) => {
            if (answer.status === 200) acknowledged.push(body);
            if (acknowledged.length === 500) process.kill(server.pid, 'SIGTERM');
        },
    });
    await server.stop();
    const stored = new Set((await exportEvents(server.data)).map((event) => event.body));
    for (const body of acknowledged) assert.ok(stored.has(body));
});
