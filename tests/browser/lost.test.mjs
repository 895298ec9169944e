// What the pages do when the server is away, restarted, slow, wants another token, or answers with an error.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startServer, until } from '../e2e/harness.mjs';
import { api, assertAccessible, assertNoHole, caughtUp, goTo, lastEvent, NARROW, openBrowser, openPage, post, rowNumbers, settled, startProxy, startTraffic, startWithPast } from './browser.mjs';

const LOST = [/net::ERR_/, /Failed to load resource/];
const GONE = 'Fairlead does not answer';

const rowOf = (page, seq) => page.locator(`tr.event[data-seq="${seq}"]`);

/** The same data directory behind the same address. */
const again = (t, server, args = []) => startServer(t, { data: server.data, args: ['--print', 'none', '--listen', new URL(server.url).host, ...args] });

test('the server is restarted: the page says so, comes back by itself, and has every event once', async (t) => {
    const server = await startWithPast(t, { users: 100 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live', expect: LOST });
    await page.mouse.move(2, 2);
    await rowOf(page, await lastEvent(server)).waitFor();
    await post(server, {}, {});
    const before = await lastEvent(server);
    await rowOf(page, before).waitFor();

    await server.stop();
    await page.getByText(GONE).waitFor();
    await page.getByTestId('feed-state').getByText('Reconnecting…').waitFor();
    await assertAccessible(page, 'server gone');
    const next = await again(t, server);
    await post(next, {}, {}, {}, {}, {}, {}, {});
    await rowOf(page, await lastEvent(next)).waitFor();
    await page.getByText(GONE).waitFor({ state: 'detached' });
    const shown = await rowNumbers(page);
    assert.ok(shown.includes(before) && shown.indexOf(before) === 7);
    await assertNoHole(next, shown);
});

test('the server is killed under traffic, twice: no gap and no repeat on the page', async (t) => {
    let server = await startWithPast(t, { users: 30 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live', expect: LOST });
    await page.mouse.move(2, 2);
    await page.locator('tr.event').first().waitFor();
    const oldest = (await rowNumbers(page)).at(-1);
    const traffic = startTraffic(t, server, ['--rate', 40, '--seed', 3]);
    for (let round = 0; round < 2; round += 1) {
        const seq = (await lastEvent(server)) + 40;
        await until(`event ${seq}`, async () => (await lastEvent(server)) >= seq);
        await server.kill();
        server = await again(t, server);
    }
    const seq = (await lastEvent(server)) + 40;
    await until(`event ${seq}`, async () => (await lastEvent(server)) >= seq);
    await traffic.stop();
    await caughtUp(server);
    const last = await lastEvent(server);
    await rowOf(page, last).waitFor();
    const { items } = await api(server, 'events?limit=500');
    await rowOf(page, Math.max(oldest, items.at(-1).seq)).waitFor(); // after a flood the older rows follow bit by bit
    await assertNoHole(server, await rowNumbers(page));
});

test('every page survives that the server is away, and shows what is new afterwards', async (t) => {
    const server = await startWithPast(t, { users: 60 });
    const browser = await openBrowser(t);
    const pages = [];
    for (const place of ['onboarding', 'accounts', 'problems', 'settings']) {
        const page = await openPage(t, browser, server, { place: `#/${place}`, expect: LOST });
        await settled(page);
        pages.push({ place, page, text: await page.locator('main').innerText() });
    }
    await server.stop();
    for (const { place, page } of pages) {
        await page.getByText(GONE).first().waitFor();
        assert.ok((await page.locator('.tile, .row-link, .facts').count()) > 0, `${place} keeps what it showed`);
    }
    const next = await again(t, server);
    for (const { page } of pages) {
        await page.getByText(GONE).first().waitFor({ state: 'detached' });
        await page.locator('.link-state', { hasText: 'Connected' }).waitFor();
    }
    await post(next, {}, {}, {});
    const { total } = await api(next, 'onboarding?since=24h');
    await pages[0].page.waitForFunction((value) => document.querySelector('.tile-value').textContent.replace(/\D/g, '') === value, String(total.started));
});

test('the server is away: nothing moves, it is told once, old health is not shown as present, signing out says that it failed', async (t) => {
    let server = await startWithPast(t, { users: 60 });
    const browser = await openBrowser(t);
    for (const viewport of [undefined, NARROW]) {
        const page = await openPage(t, browser, server, { place: '#/accounts', expect: LOST, viewport });
        await settled(page);
        const places = () => page.locator('main > *, .row-link').evaluateAll((all) => all.map((each) => each.getBoundingClientRect().y));
        const before = await places();
        await server.stop();
        await page.getByText(GONE).waitFor();
        assert.deepEqual(await places(), before);
        await assertAccessible(page, 'server gone');
        await page.waitForRequest(/connected_accounts|stream/); // a question that fails
        assert.equal(await page.getByText(GONE).count(), 1);
        await goTo(page, 'settings').catch(() => undefined);
        await page.getByText('Not known: Fairlead does not answer').waitFor();
        assert.equal(await page.getByText('Ready: events are stored').count(), 0);
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByText('You are still signed in.').waitFor();
        await assertAccessible(page, 'settings, server gone');
        server = await again(t, server);
        await page.getByText('Ready: events are stored').waitFor();
        await page.close();
    }
});

test('a filter that the server does not take is not called a lost server', async (t) => {
    const server = await startWithPast(t, { users: 20 });
    const page = await openPage(t, await openBrowser(t), server, { place: `#/accounts/${'x'.repeat(300)}`, expect: [/400/] });
    await page.getByText('text of 1 to 256 bytes').waitFor();
    await page.waitForResponse((answer) => answer.url().includes('/events?') && answer.status() === 400);
    await page.locator('.link-state', { hasText: 'Connected' }).waitFor();
    assert.equal(await page.getByText(GONE).count(), 0);
});

test('another token: the page asks for it, says when it is wrong, and goes on where it was', async (t) => {
    const server = await startWithPast(t, { users: 60 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/accounts', expect: [...LOST, /401/] });
    await settled(page);
    await server.stop();
    const token = 'another-token-0123456789';
    await again(t, server, ['--admin-token', token]);
    const field = page.getByLabel('Admin token');
    await field.waitFor();
    await page.keyboard.press('Tab');
    await field.fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('That is not the token').waitFor();
    await assertAccessible(page, 'a wrong token');
    await field.fill(` ${token} `);
    await page.keyboard.press('Enter');
    await page.locator('.row-link').first().waitFor();
    assert.match(page.url(), /#\/accounts$/);
});

test('login: the link signs in and leaves no token in the address; the cookie; signing out', async (t) => {
    const server = await startWithPast(t, { users: 20 });
    const page = await openPage(t, await openBrowser(t), server, { expect: [/401/] });
    await settled(page);
    assert.equal(page.url(), page.base);
    const [cookie] = await page.context().cookies();
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, 'Strict');
    await goTo(page, 'settings');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin token').waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Paste the token first.').waitFor();
    await page.getByLabel('Admin token').fill(server.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Settings' }).waitFor();

    const open = await startServer(t, { memory: true, args: ['--no-auth'] });
    const free = await openPage(t, await openBrowser(t), open, { token: null });
    await free.getByRole('heading', { name: 'Waiting for the first event' }).waitFor();
});

test('login: a link with a wrong token says that it is wrong, once, and goes on where it led', async (t) => {
    const server = await startWithPast(t, { users: 20 });
    const page = await openPage(t, await openBrowser(t), server, { token: 'wrong', place: '#/settings', expect: [/401/] });
    await page.getByText('The token of that link is not valid.').waitFor();
    await assertAccessible(page, 'a wrong link');
    assert.equal(page.url(), `${page.base}#/settings`);
    await page.getByLabel('Admin token').fill(server.token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin token').waitFor();
    assert.equal(await page.getByText('The token of that link').count(), 0);
});

test('slow: the page says that it is still waiting, and what was asked for comes', async (t) => {
    const server = await startWithPast(t, { users: 20 });
    const proxy = await startProxy(t, server, { delay: 5000 });
    const page = await openPage(t, await openBrowser(t), server, { base: proxy.url });
    await page.getByText('This takes longer than usual.').first().waitFor();
    await assertAccessible(page, 'slow');
    await page.locator('.tile-value').first().waitFor();
});

test('an error of the server is told in its own words, with a way to try again', async (t) => {
    const server = await startWithPast(t, { users: 20 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/settings', expect: [/500/] });
    await settled(page);
    const error = { success: false, error: { code: 'internal', message: 'The read model could not be read.' } };
    await page.route('**/api/v1/onboarding*', (route) => route.fulfill({ status: 500, json: error }));
    await page.evaluate(() => (location.hash = '#/onboarding'));
    await page.getByText('The read model could not be read.').waitFor();
    await assertAccessible(page, 'an error');
    await page.unroute('**/api/v1/onboarding*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.tile-value').first().waitFor();
    assert.equal(await page.getByText('The read model could not be read.').count(), 0);
});

test('a tab that nobody looks at gives its stream back, and catches up when it is looked at', async (t) => {
    const server = await startWithPast(t, { users: 20 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live' });
    await page.mouse.move(2, 2);
    await rowOf(page, await lastEvent(server)).waitFor();
    await page.clock.install();
    const clients = (count) => until(`${count} streams`, async () => (await api(server, 'status')).stream_clients === count);
    const look = (hidden) =>
        page.evaluate((value) => {
            Object.defineProperty(document, 'hidden', { configurable: true, value });
            document.dispatchEvent(new Event('visibilitychange'));
        }, hidden);
    await clients(1);
    await look(true);
    await page.clock.fastForward(31_000);
    await clients(0);
    await post(server, {}, {}, {});
    await look(false);
    await clients(1);
    await rowOf(page, await lastEvent(server)).waitFor();
    await assertNoHole(server, await rowNumbers(page));
});
