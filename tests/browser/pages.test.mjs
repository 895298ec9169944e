// Each page's main job, against a real server with simulated users; and that what stands on the page is what the API says.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { adminEvent, expiredEvent, signed } from '../e2e/api.mjs';
import { exportEvents, startServer, until } from '../e2e/harness.mjs';
import { api, assertNoHole, focused, goTo, lastEvent, NARROW, openBrowser, openPage, plain, post, record, rowNumbers, settled, startProxy, startWithPast } from './browser.mjs';

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

const texts = async (locator) => (await locator.evaluateAll((elements) => elements.map((element) => element.innerText))).map(plain);

/** Cells of a table's body as text. */
const cells = async (page, table) => {
    const rows = await page.locator(`${table} tbody tr`).evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText)));
    return rows.map((row) => row.map(plain));
};

test('onboarding: the figures are those of the API, for each period and both groupings', async (t) => {
    const server = await startWithPast(t, { users: 600, span: '6d' });
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

            const rest = page.getByRole('button', { name: /^Show \d+ more$/ });
            if (await rest.count()) await rest.click();
            const rows = await cells(page, '.funnel');
            assert.equal(rows.length, figures.groups.length);
            for (const [index, group] of figures.groups.entries()) {
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

test('onboarding: changes by itself; the funnel sorts by every column', async (t) => {
    const server = await startWithPast(t, { users: 200 });
    const page = await openPage(t, await openBrowser(t), server);
    await settled(page);
    const started = page.locator('.tile-value').first();
    const before = numberOf(await started.innerText());
    await post(server, {}, {}, {});
    await page.waitForFunction((value) => Number(document.querySelector('.tile-value').textContent.replace(/\D/g, '')) === value, before + 3);

    for (const [name, column] of [['App', 0], ['Started', 2], ['Completed', 3], ['Rate', 4], ['Abandoned', 7], ['Median', 9]]) {
        const header = page.getByRole('columnheader', { name, exact: true });
        for (const order of name === 'App' ? ['ascending', 'descending'] : ['descending', 'ascending']) {
            if ((await header.getAttribute('aria-sort')) !== order) await header.getByRole('button').click();
            assert.equal(await header.getAttribute('aria-sort'), order);
            const values = (await cells(page, '.funnel')).map((row) => row[column]).filter((value) => value !== '–');
            const comparable = name === 'App' ? values.map((value) => value.split('\n').at(-1)) : values.map((value) => (name === 'Median' ? secondsOf(value) : numberOf(value)));
            const sorted = [...comparable].sort(name === 'App' ? (a, b) => a.localeCompare(b) : (a, b) => a - b);
            assert.deepEqual(comparable, order === 'ascending' ? sorted : sorted.reverse(), `${name}, ${order}`);
        }
    }

    const plot = await page.locator('.u-over').boundingBox();
    await page.mouse.move(plot.x + plot.width / 2, plot.y + 40);
    assert.match(await page.locator('.readout').innerText(), /: \d+ started, \d+ completed$/);
});

const MINUTE = 60_000;

test('onboarding: steady use is not called a change; what changes are told from is of one length and equals the API', async (t) => {
    const now = Date.now();
    const records = Array.from({ length: 51 * 60 }, (_, i) => now - (51 * 60 - i) * MINUTE).flatMap((at, i) => {
        const event = (type, when) => record(`msg_${i}_${type}`, when, adminEvent({ account: `ca_${i}`, type: `connected_account.add.${type}`, at: when }));
        return [event('start', at), event('completed', at + 10_000)];
    });
    const server = await startWithPast(t, { records });
    const page = await openPage(t, await openBrowser(t), server);
    const spans = { '1 hour': ['1h', 60 * MINUTE, MINUTE, 'minute'], '24 hours': ['24h', 1440 * MINUTE, 60 * MINUTE, 'hour'] };
    for (const [name, [period, length, step, bucket]] of Object.entries(spans)) {
        await page.getByRole('radio', { name, exact: true }).check();
        await page.locator('.versus', { hasText: period === '1h' ? /vs the 1 h before/ : /vs the 24 h before/ }).first().waitFor();
        for (const change of await texts(page.locator('.tile-change'))) assert.match(change, /^unchanged/, period);
        const until = Math.floor((Date.now() - 12 * MINUTE) / step) * step;
        const started = async (end) => {
            const query = new URLSearchParams({ since: new Date(end - length).toISOString(), until: new Date(end).toISOString(), bucket });
            return (await api(server, `onboarding?${query}`)).total.started;
        };
        const told = await page.locator('.tile-change [title]').first().getAttribute('title');
        const figures = told.split(', before that ').map(numberOf);
        assert.deepEqual(figures, [await started(until), await started(until - length)], period);
        assert.deepEqual(figures, [length / MINUTE, length / MINUTE], period);
    }
});

for (const viewport of [{ width: 768, height: 1024 }, NARROW])
    test(`onboarding at ${viewport.width} px: what the funnel has no column for stands below each row, and can be sorted by`, async (t) => {
        const server = await startWithPast(t, { users: 300 });
        const page = await openPage(t, await openBrowser(t), server, { viewport });
        await settled(page);
        const { groups } = await api(server, 'onboarding?since=24h&bucket=hour');
        const rows = await cells(page, '.funnel');
        assert.equal(rows.length, 2 * groups.length);
        assert.equal(await page.locator('.funnel .outcome:visible').count(), groups.length, 'the legend has a chart');
        for (const group of groups) {
            const at = rows.findIndex(([key]) => key.split('\n').includes(group.key));
            const rest = rows[at + 1][0].replace(/\s+/g, ' ');
            const figures = /^Failed (\d+) Expired (\d+) Abandoned (\d+) In progress (\d+) Median (.+) p90 (.+)$/.exec(rest);
            assert.ok(figures, rest);
            assert.deepEqual(figures.slice(1, 5).map(Number), [group.failed, group.expired, group.abandoned, group.pending], group.key);
            assertDuration(figures[5], group.time_to_connect_s.p50, group.key);
            assertDuration(figures[6], group.time_to_connect_s.p90, group.key);
        }
        await page.getByLabel('Sort by').selectOption('Abandoned');
        const most = Math.max(...groups.map((group) => group.abandoned));
        assert.match(plain((await cells(page, '.funnel'))[1][0]), new RegExp(`Abandoned\\s+${most}\\b`));
    });

const rowOf = (page, seq) => page.locator(`tr.event[data-seq="${seq}"]`);
/** The pointer and the focus are elsewhere, and the list is at its top: nobody reads. */
async function stopReading(page) {
    await page.mouse.move(2, 2);
    await page.evaluate(() => (document.activeElement.blur(), scrollTo(0, 0)));
}

test('live: events arrive within a second, filters, pause and resume without gap, older ones', async (t) => {
    const server = await startWithPast(t, { users: 200 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live' });
    await stopReading(page);
    await rowOf(page, await lastEvent(server)).waitFor();
    await page.getByTestId('feed-state').getByText('Live').waitFor();
    await page.waitForFunction(() => document.querySelectorAll('tr.event').length >= 100); // a screenful first, the others when it is quiet
    assert.deepEqual(await rowNumbers(page), (await api(server, 'events?limit=100')).items.map((event) => event.seq));

    const sent = performance.now();
    await post(server, { account: 'ca_arrives', app: 'slack' });
    await page.getByRole('link', { name: 'ca_arrives' }).waitFor();
    t.diagnostic(`on the screen after ${Math.round(performance.now() - sent)} ms`);

    await page.getByRole('button', { name: 'Pause' }).click();
    const paused = await lastEvent(server);
    await post(server, ...Array.from({ length: 7 }, () => ({})));
    await page.getByRole('button', { name: 'Show 7 new events' }).waitFor();
    assert.equal((await rowNumbers(page))[0], paused);
    await page.getByRole('button', { name: 'Resume' }).click();
    await stopReading(page);
    await rowOf(page, await lastEvent(server)).waitFor();
    assert.equal((await rowNumbers(page)).indexOf(paused), 7);
    await assertNoHole(server, await rowNumbers(page));

    await page.getByRole('button', { name: 'Show older events' }).click();
    await page.waitForFunction(() => document.querySelectorAll('tr.event').length > 150);
    await assertNoHole(server, await rowNumbers(page));

    await page.getByLabel('App').selectOption('slack');
    await page.waitForFunction(() => [...document.querySelectorAll('tr.event .app-name')].every((cell) => cell.textContent === 'slack'));
    assert.match(page.url(), /app=slack/);
    await page.getByLabel('Event type').fill('Connection completed');
    await page.waitForURL(/type=connected_account\.add\.completed/);
    await page.waitForFunction(() => [...document.querySelectorAll('tr.event .event-name')].every((cell) => cell.textContent === 'Connection completed'));
    await stopReading(page);
    await post(server, { app: 'slack', account: 'ca_other_type' }, { app: 'gmail', type: 'connected_account.add.completed' });
    await post(server, { app: 'slack', type: 'connected_account.add.completed', account: 'ca_fits' });
    await page.getByRole('link', { name: 'ca_fits' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'ca_other_type' }).count(), 0);
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.getByLabel('Account id').fill('ca_arrives');
    await page.waitForFunction(() => document.querySelectorAll('tr.event').length === 1);
    assert.equal(await page.locator('tr.event a.id').innerText(), 'ca_arrives');
});

test('live: every type can be chosen, and has a name of its own', async (t) => {
    const server = await startServer(t, { memory: true });
    const bodies = [
        { type: 'toString', x: 1 },
        { type: 'constructor', x: 1 },
        { type: '__proto__', x: 1 },
        { type: ' \u200b ', x: 1 },
        { x: 1 },
        { type: 'invoice.paid', x: 1 },
        { trigger_name: 'GMAIL_NEW_MESSAGE', connection_id: 'ca_v1', trigger_id: 'ti_1', payload: {} },
        { type: 'composio.trigger.message', id: 'msg_1', timestamp: new Date().toISOString(), metadata: { connected_account_id: 'ca_v3' }, data: {} },
    ];
    await post(server, ...bodies.map((body) => (body.type === '__proto__' ? '{"type":"__proto__","x":1}' : JSON.stringify(body))));
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live' });
    await rowOf(page, bodies.length).waitFor();
    const names = () => texts(page.locator('tr.event .event-name'));
    assert.deepEqual(await names(), [
        'Trigger message', 'Trigger message: GMAIL_NEW_MESSAGE', 'invoice.paid', '(no type)', '(no type)', '__proto__', 'constructor', 'toString',
    ]);
    const offered = await page.locator('datalist option').evaluateAll((options) => options.map((option) => option.value));
    for (const type of ['invoice.paid', 'toString', 'GMAIL_NEW_MESSAGE', 'connected_account.add.start', 'connected_account.deleted']) assert.ok(offered.includes(type), `${type} in ${offered}`);
    const field = page.getByLabel('Event type');
    for (const [type, name] of [['invoice.paid', 'invoice.paid'], ['GMAIL_NEW_MESSAGE', 'Trigger message: GMAIL_NEW_MESSAGE'], ['Trigger message', 'Trigger message'], ['constructor', 'constructor']]) {
        await field.fill(type);
        await until(type, async () => JSON.stringify(await names()) === JSON.stringify([name]));
    }
    await field.fill('never.sent');
    await page.getByText('No event fits these filters').waitFor();
    await page.mouse.move(2, 2);
    await page.evaluate(() => document.activeElement.blur());
    await post(server, '{"type":"never.sent"}');
    await until('it arrives', async () => (await names())[0] === 'never.sent');
});

test('live: a payload is shown and copied as it was sent', async (t) => {
    const server = await startServer(t, { memory: true });
    await post(server, String.raw`{"type":"n","n":12345678901234567890,"f":1.0,"e":[1E400,-0,{}, [ ]],"d":{"b":"\u0041\/\"}","a":2,"10":1,"2":{"payload":[1,2]}}, "payload": {}}`);
    const shown = String.raw`{
  "type": "n",
  "n": 12345678901234567890,
  "f": 1.0,
  "e": [
    1E400,
    -0,
    {},
    []
  ],
  "d": {
    "b": "\u0041\/\"}",
    "a": 2,
    "10": 1,
    "2": {
      "payload": [
        1,
        2
      ]
    }
  },
  "payload": {}
}`;
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live' });
    await rowOf(page, 1).locator('.expand').click();
    const json = page.locator('.json');
    await json.waitFor();
    assert.equal(await json.textContent(), shown);
    await page.getByRole('button', { name: 'Copy payload' }).click();
    await page.getByText('Copied').first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), shown);
    await page.getByRole('button', { name: 'Reveal credentials' }).click();
    await page.getByText('Credentials are visible.').waitFor();
    assert.equal(await json.textContent(), shown);
});

test('times ahead of the clock are told as such', async (t) => {
    const server = await startServer(t, { memory: true });
    await post(server, { account: 'ca_ahead', at: Date.now() + 3.5 * MINUTE });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live' });
    await rowOf(page, 1).locator('.expand').click();
    await page.locator('.facts').getByText('in 3 min').waitFor();
});

for (const viewport of [{ width: 768, height: 1024 }, NARROW])
    test(`at ${viewport.width} px: ids can be read, the button for new rows covers nothing, nothing is cut off`, async (t) => {
        const server = await startServer(t, { memory: true });
        const ids = ['26ff317b-8d2c-4c4e-9a11-6a7d2f3b1c90', `ca_${'long'.repeat(20)}_end`];
        await post(server, ...ids.map((account) => adminEvent({ account, app: 'googlecalendar' })), expiredEvent({ id: 'msg_u', account: ids[0], app: 'googlecalendar', user: 'user-17' }));
        const page = await openPage(t, await openBrowser(t), server, { viewport, place: '#/accounts' });
        await settled(page);
        const rows = page.locator('tbody tr');
        const whole = (element) => element.scrollWidth <= element.clientWidth + 1 && element.getBoundingClientRect().right <= innerWidth;
        assert.ok((await rows.locator('.row-link .id').evaluateAll((all) => all.map((each) => each.parentElement.scrollWidth <= each.parentElement.clientWidth + 1))).every(Boolean));
        assert.deepEqual((await texts(rows.locator('.row-link .id'))).map((id) => [id.slice(0, 7), id.slice(-4)]), [['ca_long', '_end'], ['26ff317', '1c90']]);
        assert.match((await texts(rows))[1].replace(/\s+/g, ' '), / user-17 1 /);

        const covers = () =>
            page.evaluate(() => {
                const pill = document.querySelector('button.held').getBoundingClientRect();
                return [...document.querySelectorAll('tbody tr')].some((row) => {
                    const { top, bottom } = row.getBoundingClientRect();
                    return top < pill.bottom && bottom > pill.top;
                });
            });
        const before = await rows.first().boundingBox();
        await post(server, { account: 'ca_fresh' });
        await page.getByRole('button', { name: 'Show 1 new account' }).waitFor();
        assert.equal(await covers(), false);
        assert.deepEqual(await rows.first().boundingBox(), before);

        await goTo(page, 'live');
        await rowOf(page, 4).locator('.expand').click();
        await page.locator('.panel-row .headers').waitFor();
        await post(server, {}, {});
        await page.getByRole('button', { name: 'Show 2 new events' }).waitFor();
        assert.equal(await covers(), false);
        assert.ok(await page.locator('.status-line').evaluate(whole), 'the line of the feed is whole');
        assert.ok(await page.locator('button.held').evaluate(whole));
        for (const word of await page.locator('.rate:visible').all()) assert.ok(await word.evaluate(whole), 'the rate is whole');
        assert.match((await texts(page.locator('tr.event')))[1].replace(/\s+/g, ' '), /Account expired.* 26ff317b…b1c90/);
    });

test('live: nothing that is being read moves', async (t) => {
    const server = await startWithPast(t, { users: 100 });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/live' });
    await rowOf(page, await lastEvent(server)).waitFor();
    const places = () => page.locator('tr.event').evaluateAll((rows) => rows.slice(0, 30).map((row) => `${row.dataset.seq} ${row.getBoundingClientRect().y}`).join());
    let waiting = 0;
    const assertStill = async (what) => {
        const before = await places();
        await post(server, {}, {});
        waiting += 2;
        await page.getByRole('button', { name: `Show ${waiting} new events` }).waitFor();
        assert.equal(await places(), before, what);
    };
    await page.locator('tr.event').nth(2).hover();
    await assertStill('under the pointer');
    await page.locator('tr.event').nth(2).locator('.expand').click();
    await page.mouse.move(2, 2);
    await page.evaluate(() => document.activeElement.blur());
    await page.locator('.headers tr').first().waitFor(); // the open row has all of its content
    await assertStill('an open row');
    await page.locator('tr.event').nth(2).locator('.expand').click();
    await assertStill('the focus');
    await page.evaluate(() => (document.activeElement.blur(), scrollTo(0, 600)));
    await page.mouse.move(2, 2);
    await assertStill('scrolled');
    await page.getByRole('button', { name: `Show ${waiting} new events` }).click();
    await rowOf(page, await lastEvent(server)).waitFor();
    await stopReading(page);
    await post(server, {});
    await rowOf(page, await lastEvent(server)).waitFor();
});

test('accounts: search, filters, an account\'s timeline, credentials hidden until asked for, copy as curl', async (t) => {
    const server = await startWithPast(t, { users: 200, args: ['--secret', 'browser-secret-1'] });
    const at = Date.now() - 120_000;
    const events = [
        adminEvent({ account: 'ca_story', app: 'github', at }),
        adminEvent({ account: 'ca_story', app: 'github', at: at + 84_000, type: 'connected_account.add.completed' }),
        expiredEvent({ id: 'msg_story', account: 'ca_story', app: 'github', user: "o'user", secret: 'tok_HIDDEN', at: at + 100_000 }),
    ];
    for (const [index, body] of events.entries()) assert.equal((await server.post(body, signed(body, 'browser-secret-1', `story-${index}`))).status, 200);
    const page = await openPage(t, await openBrowser(t), server, { place: '#/accounts', expect: [/404 .*ca_nobody/] });
    await settled(page);
    const shown = () => texts(page.locator('.row-link .id'));
    assert.deepEqual((await shown()).slice(0, 50), (await api(server, 'connected_accounts?limit=50')).items.map((each) => each.id));

    await page.getByLabel('Status').selectOption({ label: 'Connected' });
    await page.waitForFunction(() => [...document.querySelectorAll('tbody td:nth-child(2)')].every((cell) => cell.innerText.includes('Connected')));
    const active = (await api(server, 'connected_accounts?status=ACTIVE&limit=50')).items.map((each) => each.id);
    await until('only connected ones', async () => JSON.stringify(await shown()) === JSON.stringify(active));
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.getByLabel('Stalled').selectOption('abandoned');
    const abandoned = (await api(server, 'connected_accounts?stalled=abandoned&limit=50')).items.map((each) => each.id);
    assert.ok(abandoned.length > 0);
    await until('only abandoned ones', async () => JSON.stringify(await shown()) === JSON.stringify(abandoned));
    await page.getByRole('button', { name: 'Clear filters' }).click();

    await page.getByLabel('Search').fill('ca_sto');
    await page.waitForFunction(() => document.querySelectorAll('.row-link').length === 1);
    await page.getByRole('link', { name: /ca_story/ }).click();
    await page.getByRole('heading', { name: 'ca_story' }).waitFor();
    await settled(page);
    const { account } = await api(server, 'connected_accounts/ca_story');
    assert.equal(account.time_to_connect_s, 84);
    await page.getByText('1 min 24 s later').waitFor();
    assert.equal(plain(await page.locator('.facts dd').first().innerText()), '1 min 24 s');
    assert.deepEqual(await texts(page.locator('.step .event-name')), ['Connection started', 'Connection completed', 'Account expired']);
    assert.equal(await page.locator('.step-signature', { hasText: 'Verified' }).count(), 3);

    const step = page.locator('.step').last();
    await step.locator('.expand').click();
    await step.getByText('msg_story').first().waitFor();
    await step.locator('.headers').getByText('webhook-signature').waitFor();
    const json = step.locator('.json');
    assert.doesNotMatch(await json.innerText(), /tok_HIDDEN/);
    await step.getByRole('button', { name: 'Reveal credentials' }).click();
    await json.getByText('tok_HIDDEN').first().waitFor();
    await step.getByRole('button', { name: 'Hide credentials' }).click();
    await page.waitForFunction(() => !document.querySelector('.step.open .json').innerText.includes('tok_HIDDEN'));

    await step.getByRole('button', { name: 'Copy as curl' }).click();
    await step.getByText('Copied').first().waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const { stdout } = await run('sh', ['-c', `${command} --silent`]);
    assert.deepEqual(JSON.parse(stdout), { success: true, duplicate: true }, 'the very same bytes, headers and signature');

    await page.goBack();
    assert.equal(await page.getByLabel('Search').inputValue(), 'ca_sto');
    await page.waitForFunction(() => document.querySelectorAll('.row-link').length === 1);
    await goTo(page, 'accounts/ca_nobody').catch(() => undefined);
    await page.getByText('There is no such account').waitFor();
});

test('accounts: any id opens, also . and ..; only the attempt that is still awaited counts on', async (t) => {
    const server = await startServer(t, { memory: true });
    const at = Date.now() - 5 * MINUTE;
    const odd = ['.', '..', 'a/b?c#d', '%2e%2e'];
    await post(server, ...odd.map((account) => ({ account })), { account: 'twice', at }, { account: 'twice', at: at + MINUTE });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/accounts' });
    for (const id of odd) {
        await page.locator('.row-link', { has: page.getByText(id, { exact: true }) }).click();
        await page.locator('.step').waitFor();
        assert.equal(await page.locator('h1').innerText(), id);
        await goTo(page, 'accounts');
    }
    await page.getByRole('link', { name: 'twice' }).click();
    await page.getByText('so far', { exact: false }).first().waitFor();
    const attempts = (await cells(page, '.aside table')).map(([, ...rest]) => rest);
    assert.match(attempts[0].join(), /^In progress,4 min \d+ s so far$|^In progress,4 min so far$/);
    assert.deepEqual(attempts[1], ['Not finished', '–']);
    await post(server, expiredEvent({ id: 'msg_twice', account: 'twice' }));
    await page.locator('.badges', { hasText: 'Expired' }).waitFor();
    await page.waitForFunction(() => !document.querySelector('.aside').innerText.includes('so far'));
});

test('accounts: what has no letters is not searched for', async (t) => {
    const server = await startServer(t, { memory: true });
    await post(server, { account: 'ca_a-b', app: 'slack' }, { account: 'ca_other', app: 'gmail' });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/accounts' });
    await settled(page);
    for (const words of ['" * slack', 'slac* ""', 'ca_a-b', 'slack*']) {
        await page.getByLabel('Search').fill(words);
        await until(words, async () => JSON.stringify(await texts(page.locator('.row-link .id'))) === '["ca_a-b"]');
        await page.getByLabel('Search').fill('');
        await until('both', async () => (await page.locator('.row-link').count()) === 2);
    }
});

test('problems: every slow connection can be reached', async (t) => {
    const server = await startServer(t, { memory: true, args: ['--slow-after', '1s'] });
    const at = Date.now() - 5_000;
    await post(server, ...Array.from({ length: 130 }, (_, i) => ({ account: `ca_slow_${i}`, at: at + i })));
    const page = await openPage(t, await openBrowser(t), server, { place: '#/problems' });
    await settled(page);
    const rows = page.locator('.row-link');
    await until('the first', async () => (await rows.count()) === 7);
    for (const count of [57, 107, 130]) {
        await page.getByRole('button', { name: 'Show more' }).click();
        await until(`${count} rows`, async () => (await rows.count()) === count);
    }
    assert.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0);
});

test('problems: stalled connections, refused webhooks with their reason, each linked to its account', async (t) => {
    const server = await startWithPast(t, { users: 150, args: ['--secret', 'browser-secret-2', '--slow-after', '1s', '--abandoned-after', '2s'] });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/problems' });
    await settled(page);
    await page.getByText('No webhook was refused').waitFor();
    const good = (body, id) => server.post(body, signed(body, 'browser-secret-2', id));

    const wrong = adminEvent({ account: 'ca_wrong' });
    assert.equal((await server.post(wrong, signed(wrong, 'not the secret', 'wrong-1'))).status, 401);
    assert.equal((await good('{"type": ', 'bad-json')).status, 400);
    const reasons = page.locator('.refused .reason');
    await page.waitForFunction(() => document.querySelectorAll('.refused .reason').length === 2);
    const refused = await api(server, 'refused?limit=50');
    assert.deepEqual(await reasons.locator('.small-text').allTextContents(), refused.items.map((item) => item.message));
    assert.match(await reasons.nth(0).innerText(), /Bad JSON/);
    assert.match(await reasons.nth(1).innerText(), /Wrong signature/);

    await good(adminEvent({ account: 'ca_hangs' }), 'hangs-1');
    const stuck = page.locator('table', { has: page.getByText('Slow and abandoned connections, newest first') });
    await stuck.locator('tr', { hasText: 'ca_hangs' }).getByText('Abandoned').waitFor();
    const abandoned = await api(server, 'connected_accounts?stalled=abandoned&limit=7');
    for (const { id } of abandoned.items) assert.equal(await stuck.getByText(id, { exact: true }).count(), 1, id);
    await stuck.getByRole('link', { name: /ca_hangs/ }).click();
    await page.getByText(/^Abandoned: started .* ago and never completed/).waitFor();
});

test('settings: the address with its copy button, the test event, and the server\'s own figures', async (t) => {
    const server = await startWithPast(t, { users: 100, args: ['--secret', 'browser-secret-3', '--slow-after', '90s'] });
    const page = await openPage(t, await openBrowser(t), server, { place: '#/settings' });
    await settled(page);
    const address = new URL('/webhook', server.url).href;
    assert.equal(await page.getByLabel('Webhook URL').inputValue(), address);
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied').first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), address);

    const fact = async (name) => plain(await page.locator('.facts > div', { has: page.getByText(name, { exact: true }) }).locator('dd').innerText());
    const status = await api(server, 'status');
    assert.equal(await fact('Version'), status.version);
    assert.equal(numberOf(await fact('Records in the journal')), status.journal.last_seq - status.journal.first_seq + 1);
    assert.equal(numberOf(await fact('Accounts')), status.accounts);
    assert.equal(await fact('A connection is slow after'), '1 min 30 s');
    assert.equal(await fact('A connection is abandoned after'), '12 min');
    assert.equal(secondsOf(await fact('Events are kept for')), status.retention_s);
    const [, value, unit] = (await fact('Journal size')).match(/^([\d.,]+) (KiB|MiB)$/);
    assert.ok(Math.abs(numberOf(value) - status.journal.bytes / { KiB: 1024, MiB: 1024 ** 2 }[unit]) < 0.06);
    await page.getByText('Ready: events are stored').waitFor();
    await page.getByText('1 secret; Composio’s and Standard Webhooks signatures are understood.').waitFor();

    await page.getByRole('button', { name: 'Send a test event' }).click();
    const said = await page.getByText(/^Received, stored and acknowledged as event \d+/).innerText();
    assert.equal(numberOf(said.match(/event (\d+)/)[1]), await lastEvent(server));
    const stored = (await exportEvents(server.data)).at(-1);
    assert.match(stored.head, /:verified: true/, 'signed like any other');
    await page.getByRole('link', { name: 'Open the account' }).click();
    await page.locator('.step').first().waitFor();

    await goTo(page, 'settings');
    await page.getByRole('radio', { name: 'Dark' }).check();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(15, 16, 18)');
    await page.reload();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(15, 16, 18)');
});

test('a first-time user without events sees how to connect, and a test event brings the pages to life', async (t) => {
    const server = await startServer(t, { memory: true });
    const page = await openPage(t, await openBrowser(t), server);
    for (const place of ['live', 'accounts', 'onboarding']) {
        await goTo(page, place);
        await page.getByRole('heading', { name: 'Waiting for the first event' }).waitFor();
        assert.equal(await page.getByLabel('Webhook URL').inputValue(), new URL('/webhook', server.url).href);
    }
    await page.getByRole('button', { name: 'Send a test event' }).click();
    await page.locator('.tile-value').first().waitFor();
    assert.equal(await page.locator('.tile-value').first().innerText(), '1');
    assert.equal((await exportEvents(server.data)).length, 1);
});

test('under a path prefix behind a reverse proxy: the link, the login, every page, the stream', async (t) => {
    const server = await startWithPast(t, { users: 60 });
    const proxy = await startProxy(t, server, { prefix: '/tools/fairlead' });
    const page = await openPage(t, await openBrowser(t), server, { base: proxy.url });
    await page.waitForURL((url) => url.search === '');
    assert.equal(page.url().split('#')[0], proxy.url);
    for (const place of ['onboarding', 'live', 'accounts', 'problems', 'settings']) {
        await goTo(page, place);
        await page.reload();
        await settled(page);
    }
    assert.equal(await page.getByLabel('Webhook URL').inputValue(), `${proxy.url}webhook`);
    await goTo(page, 'live');
    await post(server, { account: 'ca_proxied' });
    await page.getByRole('link', { name: 'ca_proxied' }).waitFor();
});

test('on a telephone with a keyboard, what has the focus is not under the bar at the bottom', async (t) => {
    const server = await startWithPast(t, { users: 60 });
    const page = await openPage(t, await openBrowser(t), server, { viewport: NARROW, place: '#/accounts' });
    await settled(page);
    for (let step = 0; step < 40; step += 1) {
        await page.keyboard.press('Tab');
        const hidden = await page.evaluate(() => {
            const element = document.activeElement;
            const bar = document.querySelector('.side nav');
            return !bar.contains(element) && element.getBoundingClientRect().bottom > bar.getBoundingClientRect().top ? element.outerHTML.slice(0, 200) : null;
        });
        // The frame of a table is larger than the screen.
        if (!hidden?.startsWith('<div class="scroll"')) assert.equal(hidden, null);
    }
});

test('with the keyboard alone: skip link, pages, sorting, an event\'s panel, filters', async (t) => {
    const server = await startWithPast(t, { users: 100 });
    const page = await openPage(t, await openBrowser(t), server);
    await settled(page);
    const keys = page.keyboard;
    const tabTo = async (words, key = 'Tab') => {
        const seen = [];
        for (let step = 0; step < 40; step += 1) {
            await keys.press(key);
            seen.push(await focused(page));
            if (seen.at(-1) === words) {
                const shown = await page.evaluate(() => {
                    const element = document.activeElement.matches('.choice input') ? document.activeElement.nextElementSibling : document.activeElement;
                    return getComputedStyle(element).outlineStyle !== 'none';
                });
                assert.ok(shown, `${words}: the focus can be seen`);
                return;
            }
        }
        assert.fail(`${words} is not reached: ${seen.join(', ')}`);
    };
    await tabTo('a Skip to content');
    await keys.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'content');
    await tabTo('input 24 hours');
    await keys.press('ArrowRight');
    await page.waitForURL(/period=7d/);
    assert.equal(await focused(page), 'input 7 days');
    await tabTo('button Completed');
    await keys.press('Enter');
    assert.equal(await page.getByRole('columnheader', { name: 'Completed', exact: true }).getAttribute('aria-sort'), 'descending');

    await tabTo('a Live', 'Shift+Tab');
    await keys.press('Enter');
    await page.locator('tr.event').first().waitFor();
    assert.equal(await focused(page), 'h1 Live');
    await tabTo('button Pause');
    await keys.press('Space');
    await page.getByTestId('feed-state').getByText('Paused').waitFor();
    await keys.press('Tab');
    await keys.press('Enter');
    await page.locator('.panel-row .headers').waitFor();
    await tabTo('button Reveal credentials');
    await keys.press('Enter');
    await page.getByText('Credentials are visible.').waitFor();

    await goTo(page, 'accounts');
    await tabTo('input Search');
    await keys.type('slack');
    await keys.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.row-link').length > 0 && [...document.querySelectorAll('tbody .app-name')].every((cell) => cell.textContent === 'slack'));
});
