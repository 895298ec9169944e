// Onboarding figures equal what was sent: a model of the same attempts is counted here, and every answer compared with it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { adminEvent, Api, postAll, withQuery } from './api.mjs';
import { assertError, chance, fairlead, startServer, temporaryDirectory, until } from './harness.mjs';

const ONBOARDING = '/api/v1/onboarding';
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const GRAINS = { minute: MINUTE, hour: HOUR, day: DAY };
const OUTCOMES = ['completed', 'failed', 'expired', 'abandoned', 'pending'];

const time = (ms) => new Date(ms).toISOString();

async function start(t, options) {
    const server = await startServer(t, options);
    return { server, api: await Api.open(server) };
}

/** Attempts of many accounts, in the past and around the edges of minutes, hours and days. */
function makeAttempts(random, count, now) {
    const edges = Array.from({ length: 4 }, (_, i) => Math.floor(now / DAY) * DAY - i * DAY).concat(Math.floor(now / HOUR - 5) * HOUR);
    return Array.from({ length: count }, (_, i) => {
        const outcome = OUTCOMES[random.below(8) < 4 ? 0 : random.below(4)];
        const old = random.below(3) ? now - random.between(HOUR, 3 * DAY) : edges[random.below(edges.length)] + random.between(-2, 1);
        const app = ['notion', 'gmail', 'slack'][random.below(3)];
        return {
            account: `account-${i}`,
            app,
            integration: `${app}_${random.below(2)}`,
            outcome,
            at: Math.min(old, now - HOUR),
            // From a millisecond to a day, evenly on a logarithmic scale.
            took: Math.floor(Math.exp((random.below(1_000_000) / 1_000_000) * Math.log(DAY))),
        };
    });
}

function eventsOf({ account, app, integration, outcome, at, took }) {
    const event = (phase, when) => adminEvent({ account, app, integration, type: `connected_account.${phase}`, at: when });
    const end = { completed: 'add.completed', failed: 'add.failed', expired: 'expired' }[outcome];
    return end ? [event('add.start', at), event(end, at + took)] : [event('add.start', at)];
}

function shuffle(random, list) {
    return list
        .map((each) => [random.below(1e6), each])
        .sort(([a], [b]) => a - b)
        .map(([, each]) => each);
}

/** By the nearest-rank definition: of n the ceil(q * n)-th. */
function quantile(sorted, q) {
    return sorted.length ? sorted[Math.ceil(q * sorted.length) - 1] / SECOND : null;
}

function assertFigures(got, attempts, what) {
    const count = (outcome) => attempts.filter((each) => each.outcome === outcome).length;
    const { completion_rate: rate, time_to_connect_s: times, ...counts } = got;
    delete counts.key;
    assert.deepEqual(counts, { started: attempts.length, ...Object.fromEntries(OUTCOMES.map((each) => [each, count(each)])) }, what);
    if (attempts.length) assert.ok(Math.abs(rate - count('completed') / attempts.length) <= 0.00005, `${what}: ${rate}`);
    else assert.equal(rate, null, what);
    const took = attempts.filter((each) => each.outcome === 'completed').map((each) => each.took).sort((a, b) => a - b);
    for (const [name, q] of [['p50', 0.5], ['p90', 0.9], ['p99', 0.99]]) {
        const exact = quantile(took, q);
        if (exact === null) assert.equal(times[name], null, what);
        else assert.ok(Math.abs(times[name] - exact) <= Math.max(0.001, exact * 0.032), `${what}: ${name} ${times[name]}, exact ${exact}`);
    }
}

function assertHistogram(histogram, attempts, what) {
    const took = attempts.filter((each) => each.outcome === 'completed').map((each) => each.took);
    let below = 0;
    let last = -1;
    for (const { le_s: le, count } of histogram) {
        assert.ok(le > last && count > 0, what);
        last = le;
        below += count;
        // A duration that is exactly a bound may be on either side of it.
        const bound = Math.round(le * SECOND);
        assert.ok(below >= took.filter((each) => each < bound).length && below <= took.filter((each) => each <= bound).length, what);
    }
    assert.equal(below, took.length, what);
}

function assertAnswer(answer, attempts, { since, until, by, bucket }, what) {
    const grain = GRAINS[bucket];
    const from = Math.floor(since / grain) * grain;
    const to = Math.ceil(until / grain) * grain;
    assert.equal(answer.since, time(from), what);
    assert.equal(answer.until, time(to), what);
    const inside = attempts.filter((each) => each.at >= from && each.at < to);
    assertFigures(answer.total, inside, what);
    const keys = [...new Set(inside.map((each) => each[by]))];
    assert.deepEqual(answer.groups.map((group) => group.key).sort(), keys.sort(), what);
    for (const group of answer.groups) assertFigures(group, inside.filter((each) => each[by] === group.key), `${what} ${group.key}`);
    const sizes = answer.groups.map((group) => group.started);
    assert.deepEqual(sizes, [...sizes].sort((a, b) => b - a), 'most started first');
    assert.equal(answer.series.length, (to - from) / grain, what);
    for (const [i, row] of answer.series.entries()) {
        const t = from + i * grain;
        const here = inside.filter((each) => each.at >= t && each.at < t + grain);
        const count = (outcome) => here.filter((each) => each.outcome === outcome).length;
        const expected = { t: time(t), started: here.length, completed: count('completed'), abandoned: count('abandoned'), failed: count('failed') };
        assert.deepEqual(row, expected, what);
    }
    assertHistogram(answer.histogram, inside, what);
}

test('figures equal what was sent, whatever the order, the range, the bucket', async (t) => {
    const { server, api } = await start(t);
    const random = chance(t);
    const now = Date.now();
    const attempts = makeAttempts(random, 300, now);
    await postAll(server, shuffle(random, attempts.flatMap(eventsOf)));
    await api.caughtUp();
    const midnight = Math.floor(now / DAY) * DAY;
    const hour = Math.floor(now / HOUR) * HOUR;
    const ranges = [
        ['day', now - 4 * DAY, now],
        ['day', midnight - 2 * DAY, midnight],
        ['day', midnight - DAY, midnight + 1],
        ['day', midnight - 1, midnight],
        ['hour', now - DAY, now],
        ['hour', midnight - DAY, midnight],
        ['hour', midnight - DAY - 1, midnight + 1],
        ['hour', now - 4 * DAY, now],
        ['hour', hour - 5 * HOUR, hour - 4 * HOUR],
        ['hour', hour - 5 * HOUR - 1, hour - 5 * HOUR],
        ['minute', now - DAY, now],
        ['minute', midnight - HOUR, midnight + HOUR],
        ['minute', midnight - 1, midnight + 1],
        ['minute', hour - 5 * HOUR - 2, hour - 5 * HOUR + 2],
    ];
    for (let i = 0; i < 15; i += 1) {
        const bucket = Object.keys(GRAINS)[random.below(3)];
        const since = now - random.between(1, bucket === 'minute' ? DAY : 4 * DAY);
        ranges.push([bucket, since, random.between(since + 1, now)]);
    }
    for (const [bucket, since, until] of ranges) {
        for (const by of ['app', 'integration']) {
            const query = { since: time(since), until: time(until), by, bucket };
            const answer = await api.get(withQuery(ONBOARDING, query));
            assertAnswer(answer, attempts, { since, until, by, bucket }, JSON.stringify(query));
        }
    }
});

test('the same instant in another zone, durations, and the defaults', async (t) => {
    const { server, api } = await start(t);
    const random = chance(t);
    const now = Date.now();
    const attempts = makeAttempts(random, 60, now);
    await postAll(server, attempts.flatMap(eventsOf));
    await api.caughtUp();
    const since = now - 2 * DAY;
    const inZone = (ms, hours) => time(ms + hours * HOUR).replace('Z', `${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}:00`);
    const expected = await api.get(withQuery(ONBOARDING, { since: time(since), until: time(now), bucket: 'day' }));
    assertAnswer(expected, attempts, { since, until: now, by: 'app', bucket: 'day' }, 'UTC');
    for (const hours of [2, -7, 14]) {
        assert.deepEqual(await api.get(withQuery(ONBOARDING, { since: inZone(since, hours), until: inZone(now, hours), bucket: 'day' })), expected);
    }
    const plain = await api.get(ONBOARDING);
    const end = Date.parse(plain.until);
    assert.ok(end > now && end % HOUR === 0, 'until now, widened to the hour');
    assert.equal(end - Date.parse(plain.since), 25 * HOUR);
    assertAnswer(plain, attempts, { since: end - 25 * HOUR, until: end, by: 'app', bucket: 'hour' }, 'defaults');
    const days = await api.get(`${ONBOARDING}?since=3d&bucket=day`);
    assertAnswer(days, attempts, { since: Date.parse(days.since), until: Date.parse(days.until), by: 'app', bucket: 'day' }, 'durations');
    assert.ok([4, 5].includes(days.series.length));
});

test('ranges that are refused', async (t) => {
    const { api } = await start(t);
    const now = Math.floor(Date.now() / MINUTE) * MINUTE;
    const minute = (n) => time(now - n * MINUTE);
    assert.equal((await api.get(withQuery(ONBOARDING, { since: minute(1500), until: minute(0), bucket: 'minute' }))).series.length, 1500);
    const bad = [
        [{ since: minute(1501), until: minute(0), bucket: 'minute' }, /^bucket: .*1501 buckets.*1500/],
        [{ since: minute(1500), until: time(Date.parse(minute(0)) + 1), bucket: 'minute' }, /^bucket: /],
        [{ since: '100d', bucket: 'hour' }, /^bucket: /],
        [{ since: '0001-01-01T00:00:00Z', until: '9999-12-31T23:59:59Z', bucket: 'day' }, /^bucket: /],
        [{ since: minute(0), until: minute(0) }, /^since: /],
        [{ since: minute(0), until: minute(1) }, /^since: /],
    ];
    for (const [query, message] of bad) {
        const answer = await api.ask('GET', withQuery(ONBOARDING, query));
        assertError(answer, 400, 'bad_parameter');
        assert.match(answer.json.error.message, message);
    }
    assertError(await api.ask('GET', ONBOARDING, { headers: {} }), 401, 'unauthorized');
    const nothing = await api.get(`${ONBOARDING}?since=30d&until=29d`);
    assert.deepEqual(nothing.groups, []);
    assert.deepEqual(nothing.histogram, []);
    assertFigures(nothing.total, [], 'nothing');
});

test('attempts that change, late completions, several of one account, unnamed apps', async (t) => {
    const { server, api } = await start(t);
    const base = Math.floor(Date.now() / DAY) * DAY - 2 * DAY + 12 * HOUR;
    const day = { since: time(base - 12 * HOUR), until: time(base + 12 * HOUR), bucket: 'day' };
    const event = (phase, after, more = {}) => adminEvent({ account: 'one', app: 'notion', type: `connected_account.${phase}`, at: base + after, ...more });
    const total = async () => {
        await api.caughtUp();
        const answer = await api.get(withQuery(ONBOARDING, day));
        const { started, completed, failed, expired, abandoned, pending } = answer.total;
        assert.equal(answer.groups.reduce((sum, group) => sum + group.started, 0), started);
        return { started, completed, failed, expired, abandoned, pending };
    };
    const none = { started: 0, completed: 0, failed: 0, expired: 0, abandoned: 0, pending: 0 };
    await postAll(server, [event('add.start', 0)]);
    assert.deepEqual(await total(), { ...none, started: 1, abandoned: 1 });
    await postAll(server, [event('add.start', HOUR)]);
    assert.deepEqual(await total(), { ...none, started: 2, abandoned: 2 });
    await postAll(server, [event('add.completed', 3 * HOUR)]);
    assert.deepEqual(await total(), { ...none, started: 2, completed: 1, abandoned: 1 });
    // Late news about the first attempt: it failed before the second began.
    await postAll(server, [event('add.failed', 10 * MINUTE)]);
    assert.deepEqual(await total(), { ...none, started: 2, completed: 1, failed: 1 });
    // The same events again change nothing.
    await server.post(event('add.completed', 3 * HOUR), { 'webhook-id': 'msg_again' });
    assert.deepEqual(await total(), { ...none, started: 2, completed: 1, failed: 1 });
    // A completion whose start nobody saw is a connection without a time.
    await postAll(server, [event('add.completed', HOUR, { account: 'keys', app: 'slack' })]);
    assert.deepEqual(await total(), { ...none, started: 3, completed: 2, failed: 1 });
    const slack = (await api.get(withQuery(ONBOARDING, day))).groups.find((group) => group.key === 'slack');
    assert.deepEqual(slack.time_to_connect_s, { p50: null, p90: null, p99: null });
    assert.equal(slack.completion_rate, 1);
    // Without an app.
    await postAll(server, [JSON.stringify({ type: 'connected_account.add.start', timestamp: time(base), data: { connected_account_id: 'unnamed' } })]);
    const answer = await total();
    assert.equal(answer.started, 4);
    for (const by of ['app', 'integration']) {
        const groups = (await api.get(withQuery(ONBOARDING, { ...day, by }))).groups;
        assert.ok(groups.some((group) => group.key === null && group.started === 1), by);
    }
});

test('an app that is really called other is counted with those there is no room for', async (t) => {
    const data = path.join(temporaryDirectory(t, { memory: true }), 'data');
    // More than there are groups (1000) and labels (256) for. The first `other` is among the largest.
    const apps = [...Array.from({ length: 5 }, () => 'other'), ...Array.from({ length: 1100 }, (_, i) => `app-${i}`)];
    const at = Date.now() - 2 * DAY;
    const input = apps.map((app, i) => JSON.stringify({ kind: 'event', received_at: time(at), id: `msg_${i}`, head: '', body: adminEvent({ app, integration: app, at }) }));
    assert.equal((await fairlead(['import', '--data', data], { input: input.join('\n') })).code, 0);
    const { server, api } = await start(t, { data });
    await api.caughtUp();
    for (const by of ['app', 'integration']) {
        const { groups } = await api.get(withQuery(ONBOARDING, { since: '3d', by, bucket: 'day' }));
        assert.equal(new Set(groups.map((group) => group.key)).size, groups.length, `keys by ${by}`);
        assert.equal(groups.reduce((sum, group) => sum + group.started, 0), apps.length);
        assert.ok(groups.find((group) => group.key === 'other').started > 100);
    }
    const metrics = (await api.ask('GET', '/metrics')).text;
    const names = metrics.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.replace(/ \S+$/, ''));
    assert.deepEqual(names.filter((name, i) => names.indexOf(name) !== i), [], 'each series stands once');
    const accounts = (label) => Number(metrics.match(new RegExp(`^fairlead_connected_accounts\\{app="${label}",status="INITIATED"\\} (\\d+)$`, 'm'))[1]);
    assert.equal(accounts('other'), apps.length - 256);
    // An app that grows keeps its place: a counter that falls because series changed places would look like one begun anew.
    await postAll(server, Array.from({ length: 10 }, () => adminEvent({ app: 'app-900', at: Date.now() })));
    await api.caughtUp();
    const later = (await api.ask('GET', '/metrics')).text;
    assert.ok(!later.includes('app="app-900"'));
    const series = (text) => text.match(/^fairlead_connections_started_total\{.*?\}/gm).sort();
    assert.deepEqual(series(later), series(metrics));
    await server.stop();
});

test('counters do not fall when connections move to another app', async (t) => {
    const { server, api } = await start(t);
    const at = Date.now() - 10_000;
    const numbers = async () => {
        await api.caughtUp();
        const text = (await api.ask('GET', '/metrics')).text;
        return Object.fromEntries([...text.matchAll(/^(fairlead_(?:connections_|time_to_connect_)\S+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]));
    };
    for (let i = 0; i < 5; i += 1) {
        await postAll(server, [adminEvent({ account: `account-${i}`, app: 'alpha', at: at + i }), adminEvent({ type: 'connected_account.add.completed', account: `account-${i}`, app: 'alpha', at: at + 1500 + i })]);
    }
    const before = await numbers();
    assert.equal(before['fairlead_connections_started_total{app="alpha"}'], 5);
    assert.equal(before['fairlead_time_to_connect_seconds_bucket{app="alpha",le="2"}'], 5);
    await postAll(server, [adminEvent({ type: 'connected_account.renamed', account: 'account-0', app: 'beta', at: at + 5000 })]);
    const after = await numbers();
    assert.equal(after['fairlead_connections_started_total{app="beta"}'], 1);
    assert.deepEqual((await api.get(withQuery(ONBOARDING, { by: 'app' }))).groups.map(({ key, started }) => [key, started]), [['alpha', 4], ['beta', 1]], 'figures are as they are');
    for (const [name, value] of Object.entries(before)) assert.ok(after[name] >= value, `${name}: ${after[name]} after ${value}`);
    await postAll(server, [1, 2].map((i) => adminEvent({ account: `new-${i}`, app: 'alpha', at: at + 6000 + i })));
    assert.equal((await numbers())['fairlead_connections_started_total{app="alpha"}'], 6, 'goes on once it is passed');
    await server.stop();
});

test('a connection under way is pending, and abandoned when its time is over', async (t) => {
    const { server, api } = await start(t, { args: ['--slow-after', '1s', '--abandoned-after', '1s'] });
    const ahead = Date.now() + 2 * HOUR; // of a sender whose clock is wrong
    await postAll(server, [adminEvent({ account: 'under way', at: ahead }), adminEvent({ account: 'waiting', at: Date.now() })]);
    await api.caughtUp();
    const total = async () => (await api.get(withQuery(ONBOARDING, { since: '1h', until: time(ahead + 1) }))).total;
    await until('the end of patience', async () => (await total()).abandoned === 1);
    const { started, pending } = await total();
    assert.deepEqual([started, pending], [2, 1]);
    assert.equal((await api.get('/api/v1/connected_accounts/waiting')).account.stalled, 'abandoned');
    assert.equal((await api.get('/api/v1/connected_accounts/under%20way')).account.stalled, null);
});

test('status: what is set, what is stored, how far the read model is', async (t) => {
    const options = ['--secret', 'test-secret-local-0001', '--verify', 'none', '--path', '/hooks/in', '--retention', '10d', '--dedupe-window', '2h'];
    const { server, api } = await start(t, { args: options });
    const before = await api.get('/api/v1/status');
    assert.deepEqual(before.journal.last_seq, 0);
    assert.equal(before.last_webhook_at, null);
    assert.equal(before.accounts, 0);
    const send = (body) => server.post(body, {}, { path: '/hooks/in' });
    for (let i = 0; i < 5; i += 1) await send(adminEvent({ account: `account-${i % 2}` }));
    await api.caughtUp();
    const status = await api.get('/api/v1/status');
    assert.equal(status.ready, true);
    assert.equal(status.not_ready_reason, null);
    assert.equal(status.webhook_path, '/hooks/in');
    assert.equal(status.webhook_url, `${server.url}/hooks/in`);
    assert.deepEqual(status.signatures, { checked: false, scheme: 'none', secrets: 1 });
    assert.equal(status.retention_s, 10 * 86_400);
    assert.equal(status.dedupe_window_s, 7200);
    assert.equal(status.slow_after_s, 60);
    assert.equal(status.abandoned_after_s, 720);
    assert.deepEqual([status.journal.first_seq, status.journal.last_seq], [1, 5]);
    assert.ok(status.journal.bytes > 0);
    assert.deepEqual(status.tracker, { seq: 5, lag: 0 });
    assert.equal(status.accounts, 2);
    assert.equal(status.stream_clients, 0);
    assert.ok(Date.parse(status.started_at) <= Date.parse(status.last_webhook_at) + 1000);
    assert.ok(Math.abs(Date.parse(status.now) - Date.now()) < 60_000);
    assert.doesNotMatch(JSON.stringify(status), /test-secret/);
});
