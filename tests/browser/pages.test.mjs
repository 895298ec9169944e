// Each page's main job, against a real server with simulated users; and that what stands on the page is what the API says.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { adminEvent, expiredEvent, signed } from '../e2e/api.mjs';
import { exportEvents, startServer, until } from '../e2e/harness.mjs';
import { api, focused, goTo, openBrowser, openPage, post, settled, startProxy, startWithPast } from './browser.mjs';

const run = promisify(execFile);
const numberOf = (words) => Number(words.replace(/[^\d.]/g, ''));

/** "1 min 24 s" in seconds. */
function secondsOf(words) {
    const units = { d: 86400, h: 3600, min: 60, s: 1 };
    const parts = [...words.matchAll(/([\d.,]+) (min|[dhs])\b/g)];
    assert.ok(parts.length > 0, `no duration: ${words}`);
    return parts.reduce((sum, [, value, unit]) => sum + Number(value) * units[unit], 0);
}

function assertDuration(words, seconds, what) {
    if (seconds === null) assert.equal(words, '–', what);
    else assert.ok(Math.abs(secondsOf(words) - seconds) <= Math.max(0.051, seconds >= 10 ? 0.51 : 0, seconds >= 3600 ? 31 : 0), `${what}: ${words} for ${seconds} s`);
}

function assertRate(words, rate, what) {
    if (rate === null) assert.equal(words, '–', what);
    else assert.ok(Math.abs(numberOf(words) / 100 - rate) < 0.00051, `${what}: ${words} for ${rate}`);
}

const PERIODS = { '24h': '24 hours', '7d': '7 days', '30d': '30 days' };

const texts = (locator) => locator.evaluateAll((elements) => elements.map((element) => element.innerText.trim()));

/** Cells of a table's body as text. */
const cells = (page, table) =>
    page.locator(`${table} tbody tr`).evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));

test('onboarding: the figures are those of the API, for each period and both groupings', async (t) => {
    const server = await startWithPast(t, { users: 600, history: '6d' });
    const page = await openPage(t, await openBrowser(t), server);
    await settled(page);
    for (const [period, bucket] of [['24h', 'hour'], ['7d', 'hour'], ['30d', 'day']]) {
        await page.getByRole('radio', { name: PERIODS[period] }).check();
        for (const by of ['App', 'Integration']) {
            await page.getByRole('radio', { name: by }).check();
            const figures = await api(server, `onboarding?since=${period}&by=${by.toLowerCase()}&bucket=${bucket}`);
            await until(`${period} by ${by}`, async () => {
                const [started] = await texts(page.locator('.tile-value'));
                const [[key] = []] = await cells(page, '.funnel');
                return numberOf(started) === figures.total.started && figures.groups.some((group) => key?.split('\n').includes(group.key));
            });
            const [started, completed, rate, median] = await texts(page.locator('.tile-value'));
            assert.equal(numberOf(started), figures.total.started);
            assert.equal(numberOf(completed), figures.total.completed);
            assertRate(rate, figures.total.completion_rate, 'completion rate');
            assertDuration(median, figures.total.time_to_connect_s.p50, 'median');

            const rows = await cells(page, '.funnel');
            const shown = figures.groups.slice(0, rows.length);
            assert.ok(rows.length >= Math.min(8, figures.groups.length));
            for (const [index, group] of shown.entries()) {
                const row = rows.find(([key]) => key.split('\n').includes(group.key));
                assert.ok(row, `${group.key} is in the funnel`);
                const counts = row.filter((cell) => cell !== '').slice(1);
                assert.deepEqual(counts.slice(0, 2).map(numberOf), [group.started, group.completed], `row ${index}`);
                assertRate(counts[2], group.completion_rate, group.key);
                const open = counts.slice(3, 7).map((cell) => (cell === '–' ? 0 : numberOf(cell)));
                assert.deepEqual(open, [group.failed, group.expired, group.abandoned, group.pending], group.key);
                assertDuration(counts[7], group.time_to_connect_s.p50, group.key);
            }
            const bars = await cells(page, '.distribution');
            assert.equal(bars.reduce((sum, [, count]) => sum + numberOf(count), 0), figures.histogram.reduce((sum, item) => sum + item.count, 0));

            const table = page.locator('details');
            if ((await table.getAttribute('open')) === null) await page.getByText('Show as a table').click();
            const series = await cells(page, 'details table');
            assert.deepEqual(
                series.map((row) => row.slice(1).map(numberOf)),
                figures.series.map((item) => [item.started, item.completed, item.abandoned, item.failed]),
            );
        }
        await page.getByRole('radio', { name: 'App' }).check();
    }
});
