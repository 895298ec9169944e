// The pages while 500 events arrive in each second: they answer at once, and stay small.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../e2e/harness.mjs';
import { api, assertNoHole, goTo, lastEvent, openBrowser, openPage, rowNumbers, startTraffic, startWithPast } from './browser.mjs';

const RATE = 500;
const SECONDS = 30;
const MAX_TASK_MS = 200;
const MAX_ROWS = 500; // live-list.ts
const MAX_ELEMENTS = 25_000;

/** What the tasks since the last call cost. */
const longTasks = (page) => page.evaluate(() => window.longTasks.splice(0));
const lastSeq = async (server) => (await api(server, 'status')).journal.last_seq;
const untilArrived = (server, seq) => until(`event ${seq}`, async () => (await lastSeq(server)) >= seq);

/** How long the page takes to answer a click, as somebody who uses it sees it. */
async function clickAndWait(page, button, next) {
    const began = performance.now();
    await page.getByRole('button', { name: button, exact: true }).click();
    await page.getByRole('button', { name: next, exact: true }).waitFor();
    return Math.round(performance.now() - began);
}

test(`${RATE} events per second for ${SECONDS} s: no task over ${MAX_TASK_MS} ms, bounded rows, no hole`, async (t) => {
    const server = await startWithPast(t, { users: 400 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live' });
    await page.locator('tr.event').first().waitFor();
    await page.mouse.move(2, 2);
    const first = await lastSeq(server);
    const traffic = startTraffic(t, server, ['--rate', RATE, '--connections', 8, '--seed', 5]);
    await untilArrived(server, first + 100);
    await longTasks(page);
    const began = performance.now();
    const tasks = {};

    await untilArrived(server, first + (RATE * SECONDS) / 2);
    tasks.live = await longTasks(page);
    const shown = await rowNumbers(page);
    assert.ok(shown.length > 20 && shown.length <= MAX_ROWS, `${shown.length} rows`);
    await assertNoHole(server, shown);
    assert.ok(shown[0] > first + (RATE * SECONDS) / 2 - 3 * RATE, 'the newest are there');

    const paused = await clickAndWait(page, 'Pause', 'Resume');
    await page.waitForFunction((rows) => document.querySelectorAll('tr.event').length === rows, MAX_ROWS); // to be read in peace
    const still = await rowNumbers(page);
    await untilArrived(server, first + RATE * SECONDS * 0.7);
    assert.deepEqual(await rowNumbers(page), still, 'paused rows stay');
    const resumed = await clickAndWait(page, 'Resume', 'Pause');
    tasks.paused = await longTasks(page);
    await assertNoHole(server, await rowNumbers(page));

    await goTo(page, 'onboarding');
    await untilArrived(server, first + RATE * SECONDS * 0.85);
    tasks.onboarding = await longTasks(page);
    await goTo(page, 'accounts');
    await untilArrived(server, first + RATE * SECONDS);
    tasks.accounts = await longTasks(page);

    const seconds = (performance.now() - began) / 1000;
    await goTo(page, 'live');
    await traffic.stop();
    const last = await lastEvent(server);
    await page.locator(`tr.event[data-seq="${last}"]`).waitFor();
    const rows = await rowNumbers(page);
    assert.ok(rows.length <= MAX_ROWS);
    await assertNoHole(server, rows);
    const elements = await page.evaluate(() => document.querySelectorAll('*').length);
    assert.ok(elements < MAX_ELEMENTS, `${elements} elements`);

    t.diagnostic(`${last - first} events, ${Math.round((last - first) / seconds)} per second; pause took ${paused} ms, resume ${resumed} ms; ${elements} elements`);
    for (const [what, list] of Object.entries(tasks)) {
        t.diagnostic(`${what}: ${list.length} tasks over 50 ms, the longest ${Math.max(0, ...list)} ms`);
        assert.ok(Math.max(0, ...list) <= MAX_TASK_MS, `${what}: ${list}`);
    }
});
