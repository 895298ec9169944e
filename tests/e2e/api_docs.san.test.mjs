// The page about the API: every example is run, in order, and its answer has the shape that the page shows.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Api } from './api.mjs';
import { atEnd, hasProgram, ROOT, startServer, temporaryDirectory, within } from './harness.mjs';

const REST = '…'; // a member of this name: there are more

/** The page's fenced blocks: {language, text, line}. */
function blocksOf(page) {
    const pattern = /^```(\w+)\n([\s\S]*?)^```$/gm;
    return [...page.matchAll(pattern)].map(({ 1: language, 2: text, index }) => ({ language, text, line: page.slice(0, index).split('\n').length }));
}

/** Each command with what it is to answer. */
function examplesOf(blocks) {
    const examples = [];
    for (const block of blocks) {
        if (block.language === 'sh') examples.push({ command: block.text, line: block.line });
        else if (examples.length) Object.assign(examples.at(-1), { language: block.language, answer: block.text });
    }
    return examples;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const VARIES = /\.(bytes|version|webhook_url|stream_clients)$/;

/** Times of the page are of 2026, and those of a run are not; a text stands for what begins as it does before its '…'. */
function assertValue(real, shown, where) {
    if (VARIES.test(where)) return;
    if (typeof shown === 'string' && TIME.test(shown)) assert.match(real, TIME, where);
    else if (typeof shown === 'string' && shown.endsWith(REST)) assert.ok(real.startsWith(shown.slice(0, -1)), `${where}: ${real}`);
    else assert.equal(real, shown, where);
}

/** Is `real` what `shown` shows: the same members, types and, as far as they do not depend on the run, values? */
function assertShape(real, shown, where) {
    assert.equal(real === null, shown === null, where);
    if (real === null) return;
    assert.equal(Array.isArray(real), Array.isArray(shown), where);
    assert.equal(typeof real, typeof shown, where);
    if (typeof shown !== 'object') assertValue(real, shown, where);
    else if (Array.isArray(shown)) {
        assert.equal(real.length, shown.length, where);
        for (const [i, each] of shown.entries()) assertShape(real[i], each, `${where}[${i}]`);
    } else {
        const names = Object.keys(shown).filter((name) => name !== REST);
        for (const name of names) assert.ok(name in real, `${where}.${name} is not in the answer: ${JSON.stringify(real).slice(0, 500)}`);
        if (!(REST in shown)) assert.deepEqual(Object.keys(real).sort(), names.sort(), where);
        for (const name of names) assertShape(real[name], shown[name], `${where}.${name}`);
    }
}

/** Runs a command until it ends, or until its output has all of `lines`. */
async function run(t, command, cwd, lines = []) {
    const env = { PATH: process.env.PATH, HOME: cwd, no_proxy: '*' };
    const child = spawn('bash', ['-euo', 'pipefail', '-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const kill = () => {
        try {
            process.kill(-child.pid, 'SIGKILL');
        } catch {
            // it has ended
        }
    };
    atEnd(t, kill);
    let output = '';
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
        output += chunk;
        if (lines.length && lines.every((line) => output.includes(line))) kill();
    });
    const [code, signal] = await within(once(child, 'close'), command);
    const seen = signal === 'SIGKILL' && lines.length > 0;
    assert.ok(code === 0 || seen, `${command}\nexit status ${code}: ${errors}${output}`);
    return output;
}

test('every example of docs/api.md', { skip: hasProgram('curl') ? false : 'curl is not installed' }, async (t) => {
    const page = fs.readFileSync(path.join(ROOT, 'docs/api.md'), 'utf8');
    const directory = temporaryDirectory(t);
    const server = await startServer(t, { data: path.join(directory, 'fairlead-data') });
    const api = await Api.open(server);
    const [setup, ...examples] = examplesOf(blocksOf(page));
    assert.match(setup.command, /FAIRLEAD_TOKEN=/);
    for (const { command, line, language, answer } of examples) {
        await t.test(`line ${line}`, async () => {
            assert.ok(answer, `the example of line ${line} has no answer`);
            const text = `${setup.command}${command}`.replaceAll('http://127.0.0.1:5000', server.url);
            if (language === 'json') {
                const output = await run(t, text, directory);
                assertShape(JSON.parse(output), JSON.parse(answer), `line ${line}`);
            } else {
                const lines = answer.trimEnd().split('\n');
                const output = await run(t, text, directory, lines);
                for (const each of lines) assert.ok(output.includes(each), `"${each}" is not in: ${output.slice(0, 2000)}`);
            }
        });
        await api.caughtUp();
    }
});

/** The commands of a section, which are indented by four spaces. */
function commandsOf(page, heading) {
    const section = page.split(/^## /m).find((each) => each.startsWith(heading));
    const blocks = section.split('\n\n').filter((each) => each.startsWith('    '));
    return blocks.map((each) => each.replace(/^ {4}/gm, ''));
}

test('the first five minutes of the README: what is sent can be asked for', { skip: hasProgram('curl') ? false : 'curl is not installed' }, async (t) => {
    const page = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
    const directory = temporaryDirectory(t);
    const server = await startServer(t, { data: path.join(directory, 'fairlead-data') });
    const api = await Api.open(server);
    const [send, ask, ...more] = commandsOf(page, 'Five minutes').filter((each) => each.startsWith('curl '));
    assert.deepEqual(more, []);
    const here = (command) => run(t, command.replaceAll('http://127.0.0.1:5000', server.url), directory);
    assert.match(await here(send), /^HTTP\/1\.1 200 [\s\S]*\{"success":true\}$/);
    assert.match(await here(send), /\{"success":true,"duplicate":true\}$/);
    await api.caughtUp();
    const { items } = JSON.parse(await here(ask));
    assert.deepEqual(items.map((event) => [event.seq, event.app]), [[1, 'slack']]);
});

test('docs/api.md has an example for every endpoint, and none for what is not there', async (t) => {
    const page = fs.readFileSync(path.join(ROOT, 'docs/api.md'), 'utf8');
    const api = await Api.open(await startServer(t));
    const seen = new Set();
    for (const { command } of examplesOf(blocksOf(page)).slice(1)) {
        const [, target] = /\$FAIRLEAD_URL(\/[^\s"?]*)/.exec(command);
        const method = /-X (\w+)/.exec(command)?.[1] ?? (/ -G /.test(command) || !/ -d /.test(command) ? 'GET' : 'POST');
        const found = api.operationOf(method, target);
        assert.ok(found, `${method} ${target}`);
        seen.add(`${found.method} ${found.path}`);
    }
    assert.deepEqual([...seen].sort(), api.operations.map((each) => `${each.method} ${each.path}`).sort());
});
