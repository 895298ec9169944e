// Questions about connected accounts: lists, one account with its attempts and timeline.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { adminEvent, Api, expiredEvent, postAll, withQuery } from './api.mjs';
import { assertError, chance, fairlead, sample, startServer, until } from './harness.mjs';

const ACCOUNTS = '/api/v1/connected_accounts';
const MINUTE = 60_000;

const ids = (items) => items.map((item) => item.id);
const time = (ms) => new Date(ms).toISOString();

async function start(t, options) {
    const server = await startServer(t, options);
    return { server, api: await Api.open(server) };
}

/** Every state that an account can be in: its events, and what a list says of it. */
function everyState(now) {
    const at = now - 5 * 60 * MINUTE;
    const event = (account, phase, when, app) => adminEvent({ account, type: `connected_account.${phase}`, at: when, app });
    return [
        { id: 'fresh', app: 'notion', status: 'INITIATED', stalled: null, events: [event('fresh', 'add.start', now)] },
        { id: 'slow', app: 'notion', status: 'INITIATED', stalled: 'slow', events: [event('slow', 'add.start', now - 2 * MINUTE)] },
        { id: 'abandoned', app: 'gmail', status: 'INITIATED', stalled: 'abandoned', events: [event('abandoned', 'add.start', at, 'gmail')] },
        {
            id: 'active',
            app: 'gmail',
            status: 'ACTIVE',
            stalled: null,
            events: [event('active', 'add.start', at, 'gmail'), event('active', 'add.completed', at + 41_780, 'gmail')],
        },
        { id: 'keys', app: 'notion', status: 'ACTIVE', stalled: null, events: [event('keys', 'add.completed', at)] },
        { id: 'failed', app: 'notion', status: 'FAILED', stalled: null, events: [event('failed', 'add.start', at), event('failed', 'add.failed', at + 1)] },
        { id: 'expired', app: 'slack', status: 'EXPIRED', stalled: null, events: [expiredEvent({ account: 'expired', app: 'slack', at })] },
        { id: 'deleted', app: 'slack', status: 'DELETED', stalled: null, events: [event('deleted', 'deleted', at, 'slack')] },
        { id: 'other', app: 'notion', status: null, stalled: null, events: [event('other', 'renamed', at)] },
    ];
}

test('filters, alone and together', async (t) => {
    const { server, api } = await start(t);
    const states = everyState(Date.now());
    await postAll(server, states.flatMap((each) => each.events));
    await api.caughtUp();
    await until('the mark of a slow account', async () => (await api.get(`${ACCOUNTS}?stalled=slow`)).items.length === 1);
    const newestFirst = [...states].reverse();
    for (const each of newestFirst) {
        const { account } = await api.get(`${ACCOUNTS}/${each.id}`);
        assert.deepEqual({ ...account, ...{ id: each.id, app: each.app, status: each.status, stalled: each.stalled } }, account, each.id);
    }
    for (const status of [undefined, 'INITIATED', 'ACTIVE', 'FAILED', 'EXPIRED', 'DELETED'])
        for (const stalled of [undefined, 'slow', 'abandoned'])
            for (const app of [undefined, 'notion', 'gmail', 'slack', 'none'])
                for (const q of [undefined, 'notion', 'fail*', 'none'])
                    for (const limit of [undefined, 1, 2]) {
                        const fits = (each) =>
                            each.status === (status ?? each.status) &&
                            each.stalled === (stalled ?? each.stalled) &&
                            each.app === (app ?? each.app) &&
                            (q === undefined || (q === 'notion' && each.app === 'notion') || (q === 'fail*' && each.id === 'failed'));
                        const query = { status, stalled, app, q, limit };
                        assert.deepEqual(ids(await api.all(ACCOUNTS, query)), ids(newestFirst.filter(fits)), JSON.stringify(query));
                    }
});

test('words of accounts', async (t) => {
    const { server, api } = await start(t);
    await postAll(server, [
        adminEvent({ account: '9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90', integration: 'notion_brave_teal' }),
        expiredEvent({ account: 'ca_AbC', user: 'ada@example.com', app: 'gmail' }),
        sample('v2-trigger-message.json').toString(),
    ]);
    await api.caughtUp();
    const linked = JSON.parse(sample('v2-trigger-message.json')).data;
    const found = {
        brave: ['9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90'],
        '9F1D7A30*': ['9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90'],
        'NOTION teal': ['9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90'],
        ca_abc: ['ca_AbC'],
        'ada@example.com': ['ca_AbC'],
        'gmail ada@*': ['ca_AbC'],
        [linked.user_id]: [linked.connection_nano_id],
        nobody: [],
        "it's": [],
    };
    for (const [q, expected] of Object.entries(found)) {
        assert.deepEqual(ids((await api.get(withQuery(ACCOUNTS, { q }))).items), expected, `q=${q}`);
    }
    for (const q of ['ab*', '*', ' ', '&']) assertError(await api.ask('GET', withQuery(ACCOUNTS, { q })), 400, 'bad_parameter');
    // What an account is called now is found; what it was called is not.
    await postAll(server, [adminEvent({ account: 'ca_AbC', app: 'slack', integration: 'slack_late_name' })]);
    await api.caughtUp();
    assert.deepEqual(ids((await api.get(`${ACCOUNTS}?q=late`)).items), ['ca_AbC']);
    assert.deepEqual(ids((await api.get(`${ACCOUNTS}?q=gmail`)).items), []);
});

test('a status reason is shown without the credentials inside it, and not found by them', async (t) => {
    const { server, api } = await start(t);
    const reason = 'no answer of https://ada:SECRET1@x.y/cb?code=SECRET2&state=1, sent Authorization: Bearer SECRET3';
    const shown = 'no answer of https://[redacted]@x.y/cb?code=[redacted]&state=1, sent Authorization: Bearer [redacted]';
    await postAll(server, [expiredEvent({ account: 'ca_told', reason })]);
    await api.caughtUp();
    assert.equal((await api.get(`${ACCOUNTS}/ca_told`)).account.status_reason, shown);
    assert.equal((await api.get(`${ACCOUNTS}/ca_told`)).timeline[0].payload.data.status_reason, shown);
    assert.equal((await api.get(`${ACCOUNTS}?q=ca_told`)).items[0].status_reason, shown);
    assert.equal((await api.get('/api/v1/events?q=answer')).items[0].payload.data.status_reason, shown);
    for (const q of ['SECRET1', 'SECRET2', 'SECRET3', 'sec*']) assert.deepEqual((await api.get(`/api/v1/events?q=${q}`)).items, [], q);
});

test('pages stay whole while accounts appear and change', async (t) => {
    const { server, api } = await start(t);
    const first = Array.from({ length: 100 }, (_, i) => `first-${i}`);
    await postAll(server, first.map((account) => adminEvent({ account })));
    await api.caughtUp();
    let posted = 0;
    /* Between any two pages accounts appear and change, and are tracked. */
    const arrive = async () => {
        const accounts = [`new-${(posted += 1)}`, first[posted % 100]];
        await postAll(server, accounts.map((account) => adminEvent({ account, at: Date.now() + posted })));
        await api.caughtUp();
    };
    for (const query of [{ limit: 7 }, { limit: 11, app: 'notion' }, { limit: 9, q: 'brave' }, { limit: 13, status: 'INITIATED' }]) {
        const walked = ids(await api.all(ACCOUNTS, query, arrive));
        assert.deepEqual(walked.filter((id) => id.startsWith('first-')), [...first].reverse(), JSON.stringify(query));
        assert.equal(new Set(walked).size, walked.length, 'nothing comes twice');
    }
});

test('one account: events in any order of arrival, every attempt, times from the events themselves', async (t) => {
    const random = chance(t);
    const base = Date.now() - 10 * 60 * MINUTE;
    const steps = [
        ['add.start', 0],
        ['add.completed', 41_780],
        ['add.start', 100_000],
        ['add.failed', 130_500],
        ['add.start', 200_000],
        ['add.start', 300_000],
        ['add.completed', 301_001],
    ];
    const { server, api } = await start(t);
    for (let round = 0; round < 6; round += 1) {
        const account = `account ${round}/ä%`;
        const bodies = steps.map(([phase, after]) => adminEvent({ account, type: `connected_account.${phase}`, at: base + after }));
        const order = round === 0 ? bodies : bodies.map((body) => [random.below(1000), body]).sort(([a], [b]) => a - b).map(([, body]) => body);
        await postAll(server, order);
        await api.caughtUp();
        const detail = await api.get(`${ACCOUNTS}/${encodeURIComponent(account)}`);
        assert.deepEqual(detail.attempts, [
            { started_at: time(base), ended_at: time(base + 41_780), outcome: 'completed', time_to_connect_s: 41.78 },
            { started_at: time(base + 100_000), ended_at: time(base + 130_500), outcome: 'failed', time_to_connect_s: null },
            { started_at: time(base + 200_000), ended_at: null, outcome: 'abandoned', time_to_connect_s: null },
            { started_at: time(base + 300_000), ended_at: time(base + 301_001), outcome: 'completed', time_to_connect_s: 1.001 },
        ]);
        const { first_seen_at: seen, ...rest } = detail.account;
        assert.deepEqual(rest, {
            id: account,
            app: 'notion',
            integration_name: 'notion_brave_teal',
            integration_id: 'int-notion',
            user_id: null,
            status: 'ACTIVE',
            stalled: null,
            attempts: 4,
            started_at: time(base + 300_000),
            completed_at: time(base + 301_001),
            time_to_connect_s: 1.001,
            last_event_at: time(base + 301_001),
            status_reason: null,
        });
        assert.ok(Math.abs(Date.parse(seen) - Date.now()) < 10 * MINUTE);
        assert.deepEqual(detail.timeline.map((event) => event.occurred_at), steps.map(([, after]) => time(base + after)));
        assert.deepEqual(detail.timeline.map((event) => event.type), steps.map(([phase]) => `connected_account.${phase}`));
        const listed = (await api.get(`${ACCOUNTS}?limit=1`)).items[0];
        assert.deepEqual(listed, detail.account);
    }
});

test('what is known of an account comes from whichever event knew it', async (t) => {
    const { server, api } = await start(t);
    const at = Date.now() - 60 * MINUTE;
    await postAll(server, [
        adminEvent({ account: 'ca_1', at, app: 'notion' }),
        expiredEvent({ account: 'ca_1', at: at + 1000, app: 'notion', user: 'ada', reason: 'Permanent auth error' }),
    ]);
    await api.caughtUp();
    const { account, attempts } = await api.get(`${ACCOUNTS}/ca_1`);
    assert.equal(account.user_id, 'ada');
    assert.equal(account.status_reason, 'Permanent auth error');
    assert.equal(account.integration_name, 'notion_brave_teal');
    assert.equal(account.integration_id, 'ac_1');
    assert.deepEqual(attempts.map((each) => each.outcome), ['expired']);
});

test('an account is found by any id when the id is a parameter', async (t) => {
    const { server, api } = await start(t);
    const names = ['.', '..', '../onboarding', 'a/b', '%2e', 'ä ?&#+'];
    await postAll(server, names.map((account) => adminEvent({ account })));
    await api.caughtUp();
    for (const id of names) {
        const detail = await api.get(withQuery('/api/v1/connected_account', { id }));
        assert.equal(detail.account.id, id);
        assert.deepEqual(detail.timeline.map((event) => event.connected_account_id), [id]);
    }
    const { account } = await api.get(`${ACCOUNTS}/${encodeURIComponent('a/b')}`);
    assert.equal(account.id, 'a/b');
});

test('the timeline has the newest 500 events', async (t) => {
    const { server, api } = await start(t);
    const base = Date.now() - 20 * 60 * MINUTE;
    await postAll(server, Array.from({ length: 510 }, (_, i) => adminEvent({ account: 'busy', type: 'connected_account.renamed', at: base + i })));
    await api.caughtUp();
    const answer = await api.get(`${ACCOUNTS}/busy`);
    assert.deepEqual(answer.timeline.map((event) => event.seq), Array.from({ length: 500 }, (_, i) => 11 + i));
    assert.deepEqual((await olderThan(api, 'busy', answer)).map((event) => event.seq), Array.from({ length: 10 }, (_, i) => 10 - i));
});

const olderThan = (api, id, { timeline_next: cursor }) => api.allFrom('/api/v1/events', { connected_account_id: id }, cursor);

test('a timeline of large events ends after 4 MiB, with the newest ones in order of their own time', async (t) => {
    const { server, api } = await start(t);
    const filler = 'x'.repeat(900_000);
    const event = (i) => JSON.stringify({ ...JSON.parse(adminEvent({ account: 'large', at: Date.now() - i * MINUTE })), filler });
    await postAll(server, [1, 2, 3, 4, 5, 6, 7].map(event));
    await postAll(server, [adminEvent({ account: 'small' })]);
    await api.caughtUp();
    const answer = await api.get(`${ACCOUNTS}/large`);
    assert.deepEqual(answer.timeline.map((each) => each.seq), [7, 6, 5, 4, 3]);
    assert.deepEqual((await olderThan(api, 'large', answer)).map((each) => each.seq), [2, 1]);
    const page = await fairlead(['account', 'large'], { env: { FAIRLEAD_URL: server.url, FAIRLEAD_DATA: server.data } });
    assert.match(page.stdout, /^The newest ones; there are older events\.$/m);
    assert.equal((await api.get(`${ACCOUNTS}/small`)).timeline_next, null);
});

test('accounts that are not there, and the token', async (t) => {
    const { server, api } = await start(t);
    await postAll(server, [JSON.stringify({ no: 'account' }), adminEvent({ account: 'here' })]);
    await api.caughtUp();
    for (const id of ['nobody', '%00', 'here%00', 'HERE', '%20here']) assertError(await api.ask('GET', `${ACCOUNTS}/${id}`), 404, 'not_found');
    assertError(await server.request({ path: `${ACCOUNTS}/`, headers: api.authorization }), 404, 'not_found');
    assertError(await server.request({ path: `${ACCOUNTS}/here/more`, headers: api.authorization }), 404, 'not_found');
    assertError(await api.ask('GET', `${ACCOUNTS}/%ff`), 400, 'bad_parameter');
    assertError(await api.ask('GET', `${ACCOUNTS}/here`, { headers: {} }), 401, 'unauthorized');
    assert.equal((await api.get(ACCOUNTS)).items.length, 1);
    assert.equal((await api.get('/api/v1/status')).accounts, 1);
});

test('state.db removed under a running server: it is made anew, and answers go on', async (t) => {
    const { server, api } = await start(t);
    await postAll(server, [adminEvent({ account: 'ca_before' })]);
    await api.caughtUp();
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(`${server.data}/state.db${suffix}`, { force: true });
    await postAll(server, [adminEvent({ account: 'ca_after' })]);
    await server.waitForLog(/read model's file was removed/);
    await until('both are there', async () => {
        const answer = await api.ask('GET', ACCOUNTS);
        return answer.status === 200 && ids(answer.json.items).join() === 'ca_after,ca_before';
    });
});
