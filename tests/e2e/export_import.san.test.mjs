// Journals out and in: what import promises about what is stored already, and where export writes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
    assertStored,
    atEnd,
    exportRecords,
    fairlead,
    startServer,
    temporaryDirectory,
    uniqueEvent,
    until,
    within,
} from './harness.mjs';

const line = (id, receivedAt, more = {}) =>
    JSON.stringify({ kind: 'event', received_at: receivedAt, id, head: '', body: uniqueEvent('imported'), ...more });

test('importing twice stores once, also when a server has forgotten the keys in between', async (t) => {
    const directory = temporaryDirectory(t);
    const data = path.join(directory, 'data');
    const tenDaysAgo = new Date(Date.now() - 10 * 24 * 3600_000).toISOString(); // past the window, inside the retention
    const input = Array.from({ length: 20 }, (_, i) => line(`msg_${i}`, tenDaysAgo)).join('\n');
    const first = await fairlead(['import', '--json', '--data', data], { input });
    assert.equal(first.code, 0, first.stderr);
    const server = await startServer(t, { data });
    assertStored(await server.post(uniqueEvent()));
    await server.stop();
    const second = await fairlead(['import', '--json', '--data', data], { input });
    assert.deepEqual(JSON.parse(second.stdout), { stored: 0, duplicates: 20, bad_lines: 0 });
    assert.equal((await exportRecords(data)).length, 21);
});

test('import refuses times that have not come yet', async (t) => {
    const data = path.join(temporaryDirectory(t), 'data');
    const future = new Date(Date.now() + 7 * 24 * 3600_000).toISOString();
    const lines = [
        line('msg_now', new Date().toISOString()),
        line('msg_future', future),
        line('msg_far', undefined, { received_at_us: 9223372036854775807n.toString() }).replace(/"(9223372036854775807)"/, '$1'),
        line('msg_9999', '9999-12-31T23:59:59Z'),
    ];
    const result = await fairlead(['import', '--json', '--data', data], { input: lines.join('\n') });
    assert.equal(result.code, 1);
    assert.deepEqual(JSON.parse(result.stdout), { stored: 1, duplicates: 0, bad_lines: 3 });
    for (const number of [2, 3, 4]) assert.match(result.stderr, new RegExp(`standard input:${number}: .*received_at`));
});

test('export --output writes through links and into what is no file', async (t) => {
    const server = await startServer(t);
    const directory = temporaryDirectory(t);
    const to = (name) => fairlead(['export', '--data', server.data, '--output', name]);
    const body = uniqueEvent();
    assertStored(await server.post(body));

    const target = path.join(directory, 'target.jsonl');
    const link = path.join(directory, 'link.jsonl');
    fs.writeFileSync(target, 'before');
    fs.symlinkSync('target.jsonl', link);
    const linked = await to(link);
    assert.equal(linked.code, 0, linked.stderr);
    assert.ok(fs.lstatSync(link).isSymbolicLink());
    assert.equal(JSON.parse(fs.readFileSync(target, 'utf8')).body, body);

    const dangling = path.join(directory, 'dangling.jsonl');
    fs.symlinkSync('made.jsonl', dangling);
    assert.equal((await to(dangling)).code, 0);
    assert.ok(fs.lstatSync(dangling).isSymbolicLink());
    assert.equal(JSON.parse(fs.readFileSync(path.join(directory, 'made.jsonl'), 'utf8')).body, body);

    const pipe = path.join(directory, 'pipe');
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
    atEnd(t, () => reader.kill());
    const read = once(reader.stdout, 'data');
    const piped = await to(pipe);
    assert.equal(piped.code, 0, piped.stderr);
    assert.ok(fs.statSync(pipe).isFIFO());
    assert.equal(JSON.parse((await within(read, 'what was exported'))[0]).body, body);
    assert.deepEqual(fs.readdirSync(directory).sort(), ['dangling.jsonl', 'link.jsonl', 'made.jsonl', 'pipe', 'target.jsonl']);

    assert.equal((await to(directory)).code, 1);
});

test('export --seq says why a record is not there', async (t) => {
    const server = await startServer(t);
    const body = uniqueEvent();
    assertStored(await server.post(body));
    assert.equal((await server.post(body)).json.duplicate, true);
    const one = (seq) => fairlead(['export', '--data', server.data, '--seq', String(seq)]);
    // Which events came again is written once a second at most.
    const second = await until('the record about the duplicate', async () => {
        const result = await one(2);
        return !/there is no record 2;/.test(result.stderr) && result;
    });
    assert.equal(second.code, 1);
    assert.match(second.stderr, /record 2 is no event/);
    assert.equal(JSON.parse((await one(1)).stdout).body, body);
    assert.equal((await exportRecords(server.data)).length, 1);
});
