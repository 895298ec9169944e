// What every browser test needs: Chromium, pages that fail the test when anything is wrong with them, a past to look at.
//
// A page collects what the browser complains about (console errors, exceptions, violations of the content security policy);
// what a test did not expect fails it at its end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { adminEvent } from '../e2e/api.mjs';
import { assertStored, atEnd, BINARY, fairlead, request, startServer, temporaryDirectory, until } from '../e2e/harness.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 360, height: 740 };

/** Every page by its place, where one account can be filled in. */
export const PAGES = ['onboarding', 'live', 'accounts', 'problems', 'settings'];

// ---- the browser ---------------------------------------------------------------------------------------------------

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((each) => fs.existsSync(each));

/** Chromium for one test, with a profile of its own; ends with the test. */
export async function openBrowser(t) {
    assert.ok(PROGRAM, 'no Chromium: tools/setup test installs it');
    const browser = await chromium.launch({
        executablePath: process.env.FAIRLEAD_CHROMIUM ?? PROGRAM,
        // The same fonts on every machine, so that pictures and measures are the same.
        env: { ...process.env, FONTCONFIG_FILE: path.join(here, 'fonts.conf'), XDG_CACHE_HOME: temporaryDirectory(t) },
        args: [
            '--headless',
            ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
            '--disable-gpu',
            '--font-render-hinting=none',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
        ],
    });
    atEnd(t, () => browser.close());
    return browser;
}

// Runs before the page's own script: tells of violations of the policy and of tasks that keep the page from answering.
function observe() {
    window.longTasks = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
    }).observe({ type: 'longtask', buffered: true });
    document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
}

/** Runs in the page too: `paintedAt` becomes the time, since the navigation began, of the first frame that shows what `selector` finds. */
function observePaint(selector) {
    const observer = new MutationObserver(() => {
        if (!document.querySelector(selector)) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => (window.paintedAt = performance.now())));
    });
    observer.observe(document, { childList: true, subtree: true });
}

/**
 * A tab at the server, signed in unless `token` is null.
 *
 * content: what the page is opened for, see observePaint().
 * base: the address of the dashboard, if it is not the server's own.   scheme: light or dark.
 * expect: expressions for complaints of the browser that the test causes on purpose.
 */
export async function openPage(t, browser, server, { base, place = '', viewport = WIDE, scheme = 'light', token = server.token, expect = [], content, ...more } = {}) {
    const context = await browser.newContext({
        viewport,
        colorScheme: scheme,
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        permissions: ['clipboard-read', 'clipboard-write'],
        hasTouch: viewport.width < 500,
        ...more,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.base = new URL(base ?? server.url).href.replace(/\/?$/, '/');
    const complaints = [];
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(`${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error}`));
    await page.addInitScript(observe);
    if (content) await page.addInitScript(observePaint, content);
    atEnd(t, async () => {
        await context.close();
        const unexpected = complaints.filter((text) => !expect.some((known) => known.test(text)));
        assert.deepEqual(unexpected, [], 'the browser complained');
    });
    await page.goto(token === null ? page.base + place : `${page.base}?token=${token}${place}`);
    return page;
}

/** Goes to another page of the dashboard as its navigation does, and waits until its content is there. Not for filters of the same page. */
export async function goTo(page, place) {
    await page.evaluate((hash) => (location.hash = hash), `#/${place}`);
    await settled(page);
}

/** Waits until nothing on the page is still loading. */
export async function settled(page) {
    await page.locator('main h1').first().waitFor();
    await page.waitForFunction(() => !document.querySelector('.waiting, [aria-busy="true"]'));
}

/** What keyboard users hear of the focus: "button Pause". */
export const focused = (page) =>
    page.evaluate(() => {
        const element = document.activeElement;
        const words = element.getAttribute('aria-label') ?? element.labels?.[0]?.innerText ?? element.innerText ?? '';
        return `${element.tagName.toLowerCase()} ${words.trim().replace(/\s+/g, ' ')}`;
    });

/** Fails with every violation of the accessibility rules that axe finds. */
export async function assertAccessible(page, what) {
    const violations = await page.evaluate(async (source) => {
        // Through the debugger: the page's policy forbids script that is not its own.
        if (!window.axe) (0, eval)(source);
        const result = await window.axe.run(document, { resultTypes: ['violations'] });
        return result.violations.map((each) => `${each.id}: ${each.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
    }, AXE);
    assert.deepEqual(violations, [], what);
}

/** Fails when the page is wider than the screen, or a table wider than its frame. */
export async function assertFits(page, what) {
    const tooWide = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll('.scroll, .card')]
            .filter((element) => element.scrollWidth > element.clientWidth + 1)
            .map((element) => `${element.ariaLabel ?? element.tagName}: ${element.scrollWidth} px in ${element.clientWidth}`),
    );
    assert.deepEqual(tooWide, [], what);
}

// ---- data ----------------------------------------------------------------------------------------------------------

/** One line of an export, as a webhook that was received at `at` would give it. */
export const record = (id, at, body, { verified = false } = {}) => ({
    kind: 'event',
    received_at: new Date(at).toISOString(),
    id,
    head: `${verified ? ':verified: true\n' : ''}content-type: application/json\nuser-agent: Composio-Webhook/1.0\n`,
    body,
});

/** The lines of a simulated history up to now; what it foretells is left out. */
async function* history(file, { limit, verified, more }) {
    const now = new Date().toISOString();
    const rest = [...more];
    let count = 0;
    for await (const line of readline.createInterface({ input: fs.createReadStream(file) })) {
        const at = /"received_at":"([^"]+)"/.exec(line)[1];
        while (rest[0]?.received_at < at) yield `${JSON.stringify(rest.shift())}\n`;
        if (at > now) break;
        yield `${verified ? line.replace('"head":"', '$&:verified: true\\n') : line}\n`;
        if ((count += 1) === limit) break;
    }
    for (const each of rest) yield `${JSON.stringify(each)}\n`;
}

/**
 * A data directory with the past of about so many simulated users, who all come from one seed.
 * verified: as if their webhooks had been signed.   limit: so many events at most.   more: records among them.
 */
async function past(t, { users, span = '24h', seed = 7, limit = Infinity, verified = false, more = [] }) {
    const directory = temporaryDirectory(t, { memory: true });
    const [told, lines, data] = ['told.jsonl', 'past.jsonl', 'data'].map((name) => path.join(directory, name));
    // They come at random: a few more than should come, so that they do not run out before now.
    const interval = `${Math.ceil((Number.parseInt(span, 10) * (span.endsWith('d') ? 86_400_000 : 3_600_000)) / users)}ms`;
    const args = ['simulate', '--seed', seed, '--history', span, '--users', Math.ceil(users * 1.2) + 50, '--interval', interval, '--dry-run', '--output', told];
    assert.equal((await fairlead(args.map(String))).code, 0);
    await pipeline(history(told, { limit, verified, more }), fs.createWriteStream(lines));
    const imported = await fairlead(['import', '--data', data, lines]);
    assert.equal(imported.code, 0, imported.stderr.slice(0, 1000));
    for (const file of [told, lines]) fs.rmSync(file);
    return data;
}

/** A data directory with a past of these records. */
async function pastOf(t, records) {
    const directory = temporaryDirectory(t, { memory: true });
    const [lines, data] = ['past.jsonl', 'data'].map((name) => path.join(directory, name));
    fs.writeFileSync(lines, records.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const imported = await fairlead(['import', '--data', data, lines]);
    assert.equal(imported.code, 0, imported.stderr.slice(0, 1000));
    return data;
}

/** A server that has seen that past, or these records, and knows all of it. */
export async function startWithPast(t, { users = 400, records, args = [], ...more } = {}) {
    const data = records ? await pastOf(t, records) : await past(t, { users, ...more });
    const server = await startServer(t, { data, args: ['--print', 'none', ...args] });
    await caughtUp(server);
    return server;
}

/** What stands on the page, where a space that does not break is a space. */
export const plain = (words) => words.replaceAll('\u00a0', ' ').trim();

export async function api(server, target) {
    const answer = await request(server.url, { path: `/api/v1/${target}`, headers: { authorization: `Bearer ${server.token}` } });
    assert.equal(answer.status, 200, `${target}: ${answer.text}`);
    return answer.json;
}

export const caughtUp = (server, limit = 300_000) =>
    until(
        'the read model',
        async () => {
            const { journal, tracker } = await api(server, 'status');
            return tracker.seq >= journal.last_seq;
        },
        limit,
    );

/** The number of the newest event. The journal has records of other kinds too, so numbers of events may have holes. */
export const lastEvent = async (server) => (await api(server, 'events?limit=1')).items[0].seq;

/** The numbers of the rows of Live, as they stand on the page. */
export const rowNumbers = (page) => page.locator('tr.event').evaluateAll((rows) => rows.map((row) => Number(row.dataset.seq)));

/** Fails unless rows with these numbers are all events from the first to the last of them, each once. */
export async function assertNoHole(server, numbers) {
    const [newest, oldest] = [numbers[0], numbers.at(-1)];
    const known = [];
    let cursor = null;
    do {
        const page = await api(server, `events?limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
        known.push(...page.items.map((event) => event.seq));
        cursor = page.next;
    } while (cursor !== null && known.at(-1) > oldest);
    assert.deepEqual(numbers, known.filter((seq) => seq >= oldest && seq <= newest));
}

/** Webhooks one after another, each acknowledged before the next; the API knows of them at the end (a moment after the answer). */
export async function post(server, ...events) {
    for (const event of events) assertStored(await server.post(typeof event === 'string' ? event : adminEvent(event)));
    await caughtUp(server);
}

/** Simulated users who go on until stop(), at the lowest priority: it is the page that is measured. */
export function startTraffic(t, server, args) {
    const command = [BINARY, 'simulate', '--url', server.url, '--users', '0', ...args].map(String);
    const child = spawn('nice', ['-n', '19', ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    const stop = async () => {
        child.kill('SIGINT');
        await ended;
        return output;
    };
    atEnd(t, () => (child.exitCode === null ? stop() : undefined));
    return { stop };
}

/**
 * A reverse proxy that serves the server under `prefix`, which the server does not know of.
 * delay: milliseconds before an answer of the API is passed on; can be set while it runs.
 */
export async function startProxy(t, server, { prefix = '', delay = 0 } = {}) {
    const state = { delay };
    const proxy = http.createServer((incoming, answer) => {
        if (!incoming.url.startsWith(`${prefix}/`)) {
            answer.writeHead(404).end();
            return;
        }
        const target = incoming.url.slice(prefix.length);
        const upstream = http.request(new URL(target, server.url), { method: incoming.method, headers: incoming.headers }, (response) => {
            const pass = () => {
                answer.writeHead(response.statusCode, response.headers);
                response.pipe(answer);
            };
            if (state.delay && target.startsWith('/api/')) setTimeout(pass, state.delay);
            else pass();
        });
        upstream.on('error', () => answer.destroy());
        answer.on('close', () => upstream.destroy());
        incoming.pipe(upstream);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    atEnd(t, () => {
        proxy.closeAllConnections();
        proxy.close();
    });
    return Object.assign(state, { url: `http://127.0.0.1:${proxy.address().port}${prefix}/` });
}
