// What a visit costs: the size of the script, caching, and the time to the first figures when many events are stored.
//
// 200,000 events are enough to see a cost that grows with them, and are there in seconds. FAIRLEAD_EVENTS=1000000 takes a million.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { request, startServer } from '../e2e/harness.mjs';
import { api, openBrowser, openPage, startWithPast } from './browser.mjs';

const MAX_SCRIPT_BYTES = 60 * 1024;
const MAX_PAINT_MS = 1000;
const EVENTS = Number(process.env.FAIRLEAD_EVENTS ?? 200_000);

test('at most 60 KiB of script, compressed; names for ever, the page itself asked for again; a strict policy', async (t) => {
    const server = await startServer(t, { memory: true });
    const page = await openPage(t, await openBrowser(t), server, { token: null, expect: [/401/] });
    const requests = [];
    page.on('request', (each) => requests.push(each));
    await page.reload();
    await page.getByLabel('Admin token').waitFor();
    assert.ok(requests.every((each) => each.url().startsWith(server.url)), 'nothing from elsewhere');

    const scripts = requests.filter((each) => each.resourceType() === 'script');
    assert.ok(scripts.length > 0);
    let bytes = 0;
    for (const each of scripts) {
        const answer = await request(server.url, { path: new URL(each.url()).pathname, headers: { 'accept-encoding': 'gzip' } });
        assert.equal(answer.headers['content-encoding'], 'gzip');
        assert.match(answer.headers['cache-control'], /immutable/);
        assert.ok(gunzipSync(answer.bytes).length > answer.bytes.length);
        bytes += answer.bytes.length;
    }
    t.diagnostic(`${(bytes / 1024).toFixed(1)} KiB of script`);
    assert.ok(bytes <= MAX_SCRIPT_BYTES, `${bytes} bytes`);

    const index = await request(server.url, { path: '/' });
    assert.equal(index.headers['cache-control'], 'no-cache');
    assert.match(index.headers['content-security-policy'], /^default-src 'self'; frame-ancestors 'none'/);
    assert.doesNotMatch(index.headers['content-security-policy'], /unsafe|data:|\*/);
    const cached = await request(server.url, { path: '/', headers: { 'if-none-match': index.headers.etag } });
    assert.equal(cached.status, 304);
});

test(`first meaningful paint within ${MAX_PAINT_MS} ms, ${EVENTS} events stored`, async (t) => {
    const server = await startWithPast(t, { users: Math.ceil(EVENTS / 3), span: '30d', limit: EVENTS });
    const { journal } = await api(server, 'status');
    assert.ok(journal.last_seq > EVENTS * 0.95, `${journal.last_seq} events`); // a few are sent twice
    const browser = await openBrowser(t);
    for (const [place, content] of [
        ['#/', '.tile-value'],
        ['#/?period=30d&by=integration', '.tile-value'],
        ['#/live', 'tr.event'],
        ['#/accounts', '.row-link'],
        ['#/problems', '.row-link'],
        ['#/settings', '.facts'],
    ]) {
        const page = await openPage(t, browser, server, { place, content }); // a first visit: nothing is in its cache
        const painted = await (await page.waitForFunction(() => window.paintedAt)).jsonValue();
        assert.ok(await page.locator(content).first().isVisible());
        t.diagnostic(`${place}: ${Math.round(painted)} ms`);
        assert.ok(painted < MAX_PAINT_MS, `${place}: ${painted} ms`);
        await page.close();
    }
});
