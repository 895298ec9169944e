// What every end-to-end test needs: the real program on a port of its own, senders, hand-made requests, exports.
//
// Nothing here sleeps: everything waits for something that happens, with an upper bound that is only there to end a
// hang. Everything that is started or made is ended and removed when the test that asked for it is over.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const BINARY = path.resolve(ROOT, process.env.FAIRLEAD_BIN ?? 'build/release/fairlead');
export const DATA = path.join(ROOT, 'tests/data');

// Sanitizers slow everything down by an unknown factor: bounds on time are not checked then.
export const SANITIZED = process.env.FAIRLEAD_SAN === '1' || /asan|tsan/.test(BINARY);
const HANG_MS = SANITIZED ? 180_000 : 60_000;
const SANITIZER_REPORT = /(Address|Thread|Leak|UndefinedBehavior)Sanitizer|runtime error:/;

// ---- endings -------------------------------------------------------------------------------------------------------

const endings = new WeakMap();
const children = new Set();
const directories = new Set();

process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    for (const directory of directories) fs.rmSync(directory, { recursive: true, force: true });
});

/** Runs `action` when test `t` is over, last registered first; all of them run, and the first failure fails the test. */
export function atEnd(t, action) {
    let actions = endings.get(t);
    if (!actions) {
        endings.set(t, (actions = []));
        t.after(async () => {
            let failure;
            for (const each of actions.reverse()) {
                try {
                    await each();
                } catch (error) {
                    failure ??= error;
                }
            }
            if (failure) throw failure;
        });
    }
    actions.push(action);
}

/** A new empty directory, removed at the end. `memory` asks for one that no disk can slow down. */
export function temporaryDirectory(t, { memory = false } = {}) {
    const parent = (memory && process.env.MEMORY_TMPDIR) || os.tmpdir();
    const directory = fs.mkdtempSync(path.join(parent, 'fairlead-e2e-'));
    directories.add(directory);
    atEnd(t, () => {
        fs.rmSync(directory, { recursive: true, force: true });
        directories.delete(directory);
    });
    return directory;
}

/** Fails with `what` when the promise is not settled in time. */
export async function within(promise, what, limit = HANG_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: nothing for ${limit} ms`)), limit);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

/** Tries `attempt` again and again until it returns something true. For states that nothing announces. */
export async function until(what, attempt, limit = HANG_MS) {
    const deadline = performance.now() + limit;
    for (;;) {
        const result = await attempt();
        if (result) return result;
        assert.ok(performance.now() < deadline, `${what}: not within ${limit} ms`);
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}

// ---- chance --------------------------------------------------------------------------------------------------------

/** A generator of numbers whose seed is printed, and can be given back with FAIRLEAD_SEED. */
export function chance(t) {
    let state = Number(process.env.FAIRLEAD_SEED ?? randomBytes(4).readUInt32LE()) >>> 0;
    t.diagnostic(`FAIRLEAD_SEED=${state}`);
    const next = () => {
        // mulberry32
        state = (state + 0x6d2b79f5) >>> 0;
        let z = Math.imul(state ^ (state >>> 15), state | 1);
        z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
        return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
    };
    return {
        below: (limit) => Math.floor(next() * limit),
        between: (low, high) => low + Math.floor(next() * (high - low + 1)),
        bytes: (count) => Buffer.from(Array.from({ length: count }, () => Math.floor(next() * 256))),
    };
}

// ---- events --------------------------------------------------------------------------------------------------------

let eventNumber = 0;
const run = randomBytes(6).toString('hex');

/** The body of an event that no other call has made; `marker` can be looked for in exports. */
export function uniqueEvent(marker = 'event', more = {}) {
    eventNumber += 1;
    return JSON.stringify({
        type: 'connected_account.add.start',
        timestamp: '2026-05-04T10:00:00.120Z',
        data: {
            app_name: 'notion',
            integration_name: 'notion_brave_teal',
            integration_id: '3b0cf1d2-6f0e-4d53-9a43-0d9e8a7c6b51',
            body: {},
            connected_account_id: `${marker}-${run}-${eventNumber}`,
            ...more,
        },
    });
}

export const sample = (name) => fs.readFileSync(path.join(DATA, name));

// ---- the program ---------------------------------------------------------------------------------------------------

/** The environment without anything that would change what Fairlead does. */
function cleanEnvironment(more) {
    const environment = {};
    for (const [name, value] of Object.entries(process.env)) {
        if (!name.startsWith('FAIRLEAD_')) environment[name] = value;
    }
    return { ...environment, NO_COLOR: '1', ...more };
}

/** Runs a command to its end. */
export async function fairlead(args, { input = '', env = {}, cwd } = {}) {
    const child = spawn(BINARY, args, { env: cleanEnvironment(env), cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    children.add(child);
    const output = { stdout: [], stderr: [] };
    child.stdout.on('data', (chunk) => output.stdout.push(chunk));
    child.stderr.on('data', (chunk) => output.stderr.push(chunk));
    child.stdin.on('error', () => {}); // a command need not read what it is given
    child.stdin.end(input);
    const [code, signal] = await within(once(child, 'close'), `fairlead ${args.join(' ')}`);
    children.delete(child);
    const result = {
        code,
        signal,
        stdout: Buffer.concat(output.stdout).toString(),
        stderr: Buffer.concat(output.stderr).toString(),
    };
    assert.doesNotMatch(result.stderr, SANITIZER_REPORT);
    assert.equal(signal, null, `fairlead ${args.join(' ')} died: ${result.stderr}`);
    return result;
}

/** Every record of a data directory, oldest first. Works beside a running server. */
export async function exportRecords(data) {
    const child = spawn(BINARY, ['export', '--data', data], {
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const closed = once(child, 'close');
    const records = [];
    for await (const line of readline.createInterface({ input: child.stdout, crlfDelay: 0 })) {
        records.push(JSON.parse(line));
    }
    const [code] = await within(closed, 'export');
    children.delete(child);
    assert.equal(code, 0, `export failed: ${stderr}`);
    return records;
}

/** The same without what is no event. */
export async function exportEvents(data) {
    return (await exportRecords(data)).filter((record) => record.kind === 'event');
}

/** The bytes of an exported body. */
export function bodyOf(record) {
    return record.body_base64 === undefined ? Buffer.from(record.body) : Buffer.from(record.body_base64, 'base64');
}

class Server {
    constructor(child, data) {
        this.child = child;
        this.data = data;
        this.stdout = '';
        this.stderr = '';
        this.exited = once(child, 'exit').then(([code, signal]) => {
            children.delete(child);
            this.ended = { code, signal };
            return this.ended;
        });
        this.closed = once(child, 'close');
        child.stderr.setEncoding('utf8');
        child.stderr.on('data', (chunk) => {
            this.stderr += chunk;
            child.emit('output');
        });
    }

    get pid() {
        return this.child.pid;
    }

    /** Starts keeping what comes on standard output. */
    readStdout() {
        this.child.stdout.setEncoding('utf8');
        this.child.stdout.on('data', (chunk) => {
            this.stdout += chunk;
            this.child.emit('output');
        });
    }

    /** Waits until `find(this)` gives something, looking again whenever there is output. */
    async waitFor(what, find, limit = HANG_MS) {
        const wait = async () => {
            for (;;) {
                const found = find(this);
                if (found) return found;
                if (this.ended) throw new Error(`${what}: the server ended (${JSON.stringify(this.ended)})\n${this.stderr}`);
                await Promise.race([once(this.child, 'output'), this.closed]);
            }
        };
        try {
            return await within(wait(), what, limit);
        } catch (error) {
            error.message += `\nstandard error:\n${this.stderr.slice(-4000)}`;
            throw error;
        }
    }

    waitForLog(pattern) {
        return this.waitFor(`log line ${pattern}`, () => pattern.exec(this.stderr));
    }

    /** The end of the process after which nobody could tidy up. */
    async kill() {
        this.child.kill('SIGKILL');
        await within(this.exited, 'the end after kill -9');
    }

    /** The end that users ask for: everything is answered and the exit status says success. */
    async stop(signal = 'SIGTERM') {
        this.child.kill(signal);
        this.child.stdout?.resume();
        const ended = await within(this.exited, `the end after ${signal}`);
        await within(this.closed, 'the end of output');
        assert.doesNotMatch(this.stderr, SANITIZER_REPORT);
        assert.deepEqual(ended, { code: 0, signal: null }, `${signal}: ${this.stderr.slice(-4000)}`);
    }

    async end() {
        if (this.ended) {
            assert.doesNotMatch(this.stderr, SANITIZER_REPORT);
            return;
        }
        this.child.kill('SIGCONT');
        try {
            await this.stop();
        } finally {
            if (!this.ended) await this.kill();
        }
    }

    get token() {
        return fs.readFileSync(path.join(this.data, 'admin-token'), 'utf8').trim();
    }

    /** One request on a connection of its own unless an agent is given. */
    request(options) {
        return request(this.url, options);
    }

    post(body, headers = {}, options = {}) {
        return request(this.url, {
            method: 'POST',
            path: '/webhook',
            headers: { 'content-type': 'application/json', ...headers },
            body,
            ...options,
        });
    }
}

/** Where answers are timed, other tests on the same machine should not count: a higher priority, if we may have it. */
const UNDISTURBED = (() => {
    const tried = spawnSync('nice', ['-n', '-10', 'true']);
    return tried.status === 0 && tried.stderr.length === 0 ? ['nice', '-n', '-10'] : [];
})();

/**
 * Starts `fairlead serve` on a free port and waits until it is ready.
 *
 * memory: answers will be timed; neither the disk nor other tests should be in the way.
 * stdout: 'keep' (server.stdout), 'hold' (a pipe that nobody reads until server.readStdout()), or what spawn() takes.
 */
export async function startServer(t, { args = [], data, env = {}, stdout = 'keep', memory = false, prefix = [] } = {}) {
    data ??= path.join(temporaryDirectory(t, { memory }), 'data');
    if (memory) prefix = [...UNDISTURBED, ...prefix];
    const command = [...prefix, BINARY, 'serve', '--listen', '127.0.0.1:0', '--data', data, ...args];
    const child = spawn(command[0], command.slice(1), {
        env: cleanEnvironment(env),
        cwd: path.dirname(data),
        stdio: ['ignore', stdout === 'keep' || stdout === 'hold' ? 'pipe' : stdout, 'pipe'],
    });
    children.add(child);
    const server = new Server(child, data);
    if (stdout === 'keep') server.readStdout();
    atEnd(t, () => server.end());
    server.url = (await server.waitForLog(/ready url=(https?:\/\/[^\s"]+)/))[1];
    return server;
}

// ---- HTTP ----------------------------------------------------------------------------------------------------------

/** One request; the answer with its whole body, and `json` when it is JSON. */
export function request(url, { method = 'GET', path: target = '/', headers = {}, body, agent = false, ca } = {}) {
    const client = url.startsWith('https:') ? https : http;
    const answer = new Promise((resolve, reject) => {
        const sent = client.request(new URL(target, url), { method, headers, agent, ca }, (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
                const bytes = Buffer.concat(chunks);
                const text = bytes.toString();
                const result = { status: response.statusCode, headers: response.headers, bytes, text };
                if (text && /^application\/json/.test(response.headers['content-type'] ?? '')) result.json = JSON.parse(text);
                resolve(result);
            });
        });
        sent.on('error', reject);
        sent.end(body);
    });
    return within(answer, `${method} ${target}`);
}

/** The error body that the interface promises, with this status and code. */
export function assertError(answer, status, code) {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    const json = JSON.parse(answer.text);
    assert.equal(json.success, false);
    assert.equal(json.error.code, code);
    assert.equal(typeof json.error.message, 'string');
    assert.ok(json.error.message.length > 0);
    assert.deepEqual(Object.keys(json).sort(), ['error', 'success']);
}

export function assertStored(answer) {
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(JSON.parse(answer.text), { success: true });
}

export function assertDuplicate(answer) {
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(JSON.parse(answer.text), { success: true, duplicate: true });
}

/** Takes one whole answer off the front of `bytes`: {answer, rest}, or null when it is not complete yet. */
function parseAnswer(bytes, ended) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [statusLine, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine);
    assert.ok(status, `no status line: ${JSON.stringify(statusLine)}`);
    const headers = {};
    for (const line of lines) {
        const colon = line.indexOf(':');
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const answer = { status: Number(status[1]), headers, text: '' };
    const start = end + 4;
    let stop = start;
    if (answer.status >= 200) {
        if (headers['content-length'] !== undefined) stop = start + Number(headers['content-length']);
        else if (ended) stop = bytes.length;
        else return null;
    }
    if (bytes.length < stop) return null;
    answer.text = bytes.subarray(start, stop).toString();
    return { answer, rest: bytes.subarray(stop) };
}

/** A TCP connection for requests that no HTTP client would send. */
export class RawConnection {
    #received = Buffer.alloc(0);
    #ended = false;

    static async open(t, url, { localAddress } = {}) {
        const { hostname, port } = new URL(url);
        const socket = net.connect({ host: hostname, port: Number(port), localAddress, allowHalfOpen: true });
        const connection = new RawConnection(socket);
        atEnd(t, () => connection.destroy());
        await within(once(socket, 'connect'), 'connect');
        return connection;
    }

    constructor(socket) {
        this.socket = socket;
        socket.setNoDelay(true);
        socket.on('data', (chunk) => {
            this.#received = Buffer.concat([this.#received, chunk]);
            socket.emit('progress');
        });
        const over = () => {
            this.#ended = true;
            socket.emit('progress');
        };
        socket.on('end', over);
        socket.on('error', over); // a reset is one of the ways in which a server may close
        socket.on('close', over);
    }

    get isClosed() {
        return this.#ended;
    }

    /** Hands bytes to the system; false when the other side has closed. */
    write(bytes) {
        return new Promise((resolve) => {
            if (this.#ended || this.socket.destroyed) resolve(false);
            else this.socket.write(bytes, (error) => resolve(!error));
        });
    }

    end() {
        this.socket.end();
    }

    /** The next final answer, or null when the connection was closed without one. */
    async answer(what = 'an answer', limit = HANG_MS) {
        const wait = async () => {
            for (;;) {
                const parsed = parseAnswer(this.#received, this.#ended);
                if (parsed) {
                    this.#received = parsed.rest;
                    if (parsed.answer.status >= 200) return parsed.answer;
                    continue;
                }
                if (this.#ended) return null;
                await once(this.socket, 'progress');
            }
        };
        return within(wait(), what, limit);
    }

    /** Waits for the other side to close; what was still sent is thrown away. */
    async closed(what = 'closing', limit = HANG_MS) {
        const wait = async () => {
            while (!this.#ended) await once(this.socket, 'progress');
        };
        return within(wait(), what, limit);
    }

    destroy() {
        this.socket.destroy();
    }
}

/** The bytes of a webhook as a sender puts them on the wire. */
export function rawPost(body, headers = {}, target = '/webhook') {
    const bytes = Buffer.from(body);
    const all = { host: 'localhost', 'content-type': 'application/json', 'content-length': bytes.length, ...headers };
    const lines = Object.entries(all)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.concat([Buffer.from(`POST ${target} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes]);
}

// ---- senders -------------------------------------------------------------------------------------------------------

/**
 * Sends from several connections at once, each the next event when the last was answered, until `next()` has no more
 * or the server is gone.
 *
 * next(): a body or null.   on_answer(body, answer): {status, text}.   on_lost(body): the connection ended before the answer.
 */
export async function flood(url, { connections, next, onAnswer, onLost = () => {} }) {
    const { hostname, port } = new URL(url);
    const one = () =>
        new Promise((resolve) => {
            const socket = net.connect(Number(port), hostname);
            socket.setNoDelay(true);
            let received = Buffer.alloc(0);
            let waiting = null;
            const send = () => {
                waiting = next();
                if (waiting === null) socket.end();
                else socket.write(rawPost(waiting));
            };
            socket.on('connect', send);
            socket.on('data', (chunk) => {
                received = received.length ? Buffer.concat([received, chunk]) : chunk;
                const parsed = parseAnswer(received, false);
                if (!parsed) return;
                received = parsed.rest;
                const body = waiting;
                waiting = null;
                onAnswer(body, parsed.answer);
                send();
            });
            socket.on('error', () => {});
            socket.on('close', () => {
                if (waiting !== null) onLost(waiting);
                resolve();
            });
        });
    await Promise.all(Array.from({ length: connections }, one));
}

/**
 * A sender that does everything right, on a thread of its own so that nothing which the test does delays its clock.
 * stop() gives {sent, slowest_ms, failures}, after at least 100 events.
 */
export async function startGoodSender(t, url, { secret } = {}) {
    const worker = new Worker(new URL('./good_sender.mjs', import.meta.url), { workerData: { url, secret, run } });
    const failed = once(worker, 'error').then(([error]) => {
        throw error;
    });
    failed.catch(() => {});
    let stopped = false;
    atEnd(t, () => (stopped ? undefined : worker.terminate()));
    await within(Promise.race([once(worker, 'message'), failed]), "the good sender's first answer");
    return {
        async stop() {
            const last = once(worker, 'message');
            worker.postMessage('stop'); // it goes on until it has sent enough to tell
            const [result] = await within(Promise.race([last, failed]), "the good sender's last answer");
            stopped = true;
            await worker.terminate();
            return result;
        },
    };
}

/** The promise to a well-behaved sender beside others that are not. */
export function assertServedWell(t, result) {
    t.diagnostic(`well-behaved sender: ${result.sent} events, slowest ${result.slowest_ms.toFixed(1)} ms`);
    assert.deepEqual(result.failures, []);
    assert.ok(result.sent > 0);
    if (SANITIZED) t.diagnostic('the bound of 100 ms is not checked in a sanitizer build');
    else assert.ok(result.slowest_ms < 100, `slowest answer after ${result.slowest_ms} ms`);
}

// ---- the machine ---------------------------------------------------------------------------------------------------

/** Is there such a program? For tests that say visibly why they skip. */
export function hasProgram(name) {
    return spawnSync('sh', ['-c', `command -v "$1"`, 'sh', name]).status === 0;
}

/** Python's own json.dumps(…, indent=2) of the bytes, or null without python3. */
export function pythonDumps(bytes) {
    if (!hasProgram('python3')) return null;
    const program = 'import json,sys; print(json.dumps(json.loads(sys.stdin.buffer.read()), indent=2))';
    const result = spawnSync('python3', ['-c', program], { input: bytes });
    assert.equal(result.status, 0, result.stderr.toString());
    return result.stdout.toString();
}

/** Starts another command than serve, which runs until it is told to end; what it prints is kept. */
export function startCommand(t, args, { env = {} } = {}) {
    const child = spawn(BINARY, args, { env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    const command = new Server(child);
    command.readStdout();
    atEnd(t, () => command.end());
    return command;
}

/**
 * A way to a server that can be broken: cut() ends every connection, `open` says whether new ones pass, and
 * `target` where to.
 */
export async function startProxy(t, url) {
    const sockets = new Set();
    const keep = (socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
    };
    const proxy = net.createServer((from) => {
        keep(from);
        if (!handle.open) return void from.destroy();
        const { hostname, port } = new URL(handle.target);
        const to = net.connect(Number(port), hostname);
        keep(to);
        from.pipe(to).pipe(from);
    });
    const handle = {
        open: true,
        target: url,
        cut() {
            for (const socket of sockets) socket.destroy();
        },
    };
    proxy.listen(0, '127.0.0.1');
    await within(once(proxy, 'listening'), 'a port for the proxy');
    atEnd(t, () => {
        handle.cut();
        proxy.close();
    });
    handle.url = `http://127.0.0.1:${proxy.address().port}`;
    return handle;
}
