// How the pages look: no violation of accessibility rules in either theme, nothing wider than the screen, from 360 px on.
//
// Every run takes the pictures of the documentation; with FAIRLEAD_SCREENSHOTS=1 they become those of docs/images (`make screenshots`).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { adminEvent, expiredEvent, signed } from '../e2e/api.mjs';
import { ROOT, startServer, temporaryDirectory } from '../e2e/harness.mjs';
import { api, assertAccessible, assertFits, caughtUp, goTo, NARROW, openBrowser, openPage, record, settled, startTraffic, startWithPast, WIDE } from './browser.mjs';

const SECRET = 'looks-secret-1';
const IMAGES = path.join(ROOT, 'docs/images');
const MAX_IMAGE_BYTES = 150 * 1024;

const STORY = 'ca_Vq83nTzLr0Ke';

/** Somebody tried twice, got through, and lost the token: every kind of step on one page. */
function story() {
    const at = Date.now() - 3 * 3600_000;
    const about = { account: STORY, app: 'github' };
    const lost = { ...about, id: 'msg_4cTq', user: 'user-2204', secret: 'gho_hidden', reason: 'The refresh token was revoked' };
    return [
        [0, adminEvent({ ...about, at })],
        [151_000, adminEvent({ ...about, at: at + 151_000 })],
        [235_400, adminEvent({ ...about, at: at + 235_400, type: 'connected_account.add.completed' })],
        [9_000_000, expiredEvent({ ...lost, at: at + 9_000_000 })],
    ].map(([after, body], index) => record(`msg_story_${index}`, at + after + 90, body, { verified: true }));
}

/** Webhooks that are turned away, each for another reason. */
async function refuseSome(server) {
    const send = async (body, secret, id) => (await server.post(body, secret ? signed(body, secret, id) : {})).status;
    assert.equal(await send(adminEvent({ account: 'ca_Lw55pRk0ZsYe', app: 'notion' })), 401);
    assert.equal(await send('{"type": "connected_account.add.start", "data": ', SECRET, 'msg_cut'), 400);
    assert.equal(await send(adminEvent({ account: 'ca_u7Bq2mXc91Fd', app: 'slack' }), 'another secret', 'msg_forged'), 401);
}

async function startLively(t) {
    const server = await startWithPast(t, { users: 2600, span: '48h', seed: 11, verified: true, more: story(), args: ['--secret', SECRET] });
    await refuseSome(server);
    return server;
}

const openRow = async (page) => {
    await page.locator('tr.event .expand').nth(1).click();
    await page.locator('.panel-row .headers tr').first().waitFor();
};
const openRowAndHold = async (page) => {
    await openRow(page);
    await page.locator('button.held').waitFor();
};
const openStep = async (page) => {
    await page.locator('.step .expand').last().click();
    await page.locator('.step.open .headers tr').first().waitFor();
};

const toTheEnd = (page) => page.evaluate(() => scrollTo(0, document.body.scrollHeight));

// Filters change a page in place: `says` tells when it has.
const VIEWS = [
    { name: 'onboarding', place: 'onboarding' },
    { name: 'onboarding, 30 days by integration', place: 'onboarding?period=30d&by=integration', says: 'The last dot, today', act: (page) => page.getByText('Show as a table').click() },
    { name: 'live', place: 'live' },
    { name: 'live, a row open', place: 'live', act: openRow },
    { name: 'live, nothing fits', place: 'live?app=nothing', says: 'No event fits these filters' },
    { name: 'accounts', place: 'accounts' },
    { name: 'accounts, none fits', place: 'accounts?q=zzzz', says: 'No account fits' },
    { name: 'account', place: `accounts/${STORY}` },
    { name: 'account, a step open', place: `accounts/${STORY}`, act: openStep },
    { name: 'problems', place: 'problems' },
    { name: 'settings', place: 'settings' },
    { name: 'no such page', place: 'what' },
];

async function look(page, { name, place, says, act }, what) {
    await goTo(page, place);
    if (says) await page.getByText(says).first().waitFor();
    if (act) await act(page);
    await assertFits(page, `${name}, ${what}`);
    await assertAccessible(page, `${name}, ${what}`);
}

for (const scheme of ['light', 'dark']) {
    test(`every page, ${scheme}: accessible, and no wider than the screen`, async (t) => {
        const server = await startLively(t);
        const browser = await openBrowser(t);
        for (const viewport of [WIDE, NARROW]) {
            const what = `${scheme}, ${viewport.width} px`;
            const page = await openPage(t, browser, server, { viewport, scheme });
            await settled(page);
            const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
            assert.equal(background, scheme === 'dark' ? 'rgb(15, 16, 18)' : 'rgb(247, 247, 245)');
            for (const view of VIEWS) await look(page, view, what);
            const stranger = await openPage(t, browser, server, { viewport, scheme, token: null, expect: [/401/] });
            await stranger.getByLabel('Admin token').waitFor();
            await assertFits(stranger, `login, ${what}`);
            await assertAccessible(stranger, `login, ${what}`);
        }
    });

    test(`first steps, ${scheme}: accessible, and no wider than the screen`, async (t) => {
        const server = await startServer(t, { memory: true });
        const browser = await openBrowser(t);
        for (const viewport of [WIDE, NARROW]) {
            const page = await openPage(t, browser, server, { viewport, scheme });
            for (const place of ['onboarding', 'live', 'accounts', 'problems', 'settings']) await look(page, { name: `empty ${place}`, place }, `${scheme}, ${viewport.width} px`);
        }
    });
}

test('from 360 to 2560 px nothing is wider than the screen', async (t) => {
    const server = await startLively(t);
    const page = await openPage(t, await openBrowser(t), server);
    for (const width of [360, 480, 640, 761, 820, 901, 1024, 1101, 1440, 1920, 2560]) {
        await page.setViewportSize({ width, height: 800 });
        for (const place of ['onboarding', 'live', 'accounts', `accounts/${STORY}`, 'problems', 'settings']) {
            await goTo(page, place);
            await assertFits(page, `${place} at ${width} px`);
        }
    }
});

const TALL = { width: 1280, height: 940 };
const PICTURES = [
    { file: 'onboarding-light', place: 'onboarding', viewport: TALL },
    { file: 'onboarding-dark', place: 'onboarding', viewport: TALL, scheme: 'dark' },
    { file: 'live-dark', place: 'live', scheme: 'dark', act: openRowAndHold },
    { file: 'account-light', place: `accounts/${STORY}` },
    { file: 'problems-light', place: 'problems', viewport: { width: 1100, height: 860 }, act: toTheEnd },
    { file: 'onboarding-narrow', place: 'onboarding', viewport: NARROW },
    { file: 'live-narrow', place: 'live', viewport: NARROW, scheme: 'dark' },
];

async function takePictures(t) {
    const server = await startLively(t);
    startTraffic(t, server, ['--secret', SECRET, '--seed', '12', '--interval', '1500ms']);
    const directory = process.env.FAIRLEAD_SCREENSHOTS === '1' ? IMAGES : temporaryDirectory(t);
    fs.mkdirSync(directory, { recursive: true });
    const browser = await openBrowser(t);
    for (const { file, place, act, viewport = WIDE, scheme = 'light' } of PICTURES) {
        const page = await openPage(t, browser, server, { viewport, scheme, reducedMotion: 'reduce' });
        await goTo(page, place);
        if (place === 'live') await page.waitForFunction(() => !/^0\s/.test(document.querySelector('.rate').textContent));
        if (act) await act(page);
        await page.mouse.move(2, 2);
        await page.evaluate(() => {
            document.activeElement.blur();
            document.documentElement.style.textRendering = 'geometricPrecision'; // letters as evenly spaced as on finer screens
        });
        const target = path.join(directory, `${file}.png`);
        await page.screenshot({ path: target });
        await page.close();
        assert.ok(fs.statSync(target).size <= MAX_IMAGE_BYTES, `${file}: ${fs.statSync(target).size} bytes`);
    }
    await caughtUp(server);
    assert.ok((await api(server, 'status')).ready);
}

test('pictures for the documentation', takePictures);
