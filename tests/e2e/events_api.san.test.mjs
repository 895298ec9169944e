// Questions about events: filters, words, pages, redaction, exact bytes.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { adminEvent, Api, expiredEvent, postAll, signed, withQuery } from './api.mjs';
import { assertDuplicate, assertError, assertStored, chance, exportRecords, fairlead, flood, sample, startServer, temporaryDirectory, until } from './harness.mjs';

const EVENTS = '/api/v1/events';
const SECRET = 'test-secret-local-0001';

const seqs = (items) => items.map((item) => item.seq);

async function start(t, options) {
    const server = await startServer(t, options);
    return { server, api: await Api.open(server) };
}

test('filters, alone and together, on pages of every size', async (t) => {
    const { server, api } = await start(t);
    const random = chance(t);
    const apps = ['notion', 'gmail', 'slack'];
    const types = ['connected_account.add.start', 'connected_account.add.completed', 'connected_account.changed'];
    const sent = [];
    for (let i = 0; i < 120; i += 1) {
        const event = { type: types[random.below(3)], app: apps[random.below(3)], account: `account-${random.below(5)}`, at: Date.now() + i };
        await postAll(server, [adminEvent(event)]);
        sent.unshift({ ...event, seq: i + 1 });
    }
    await api.caughtUp();
    const choices = { type: [undefined, ...types, 'none'], app: [undefined, ...apps, 'none'], connected_account_id: [undefined, 'account-1', 'none'] };
    for (const type of choices.type)
        for (const app of choices.app)
            for (const account of choices.connected_account_id) {
                const expected = sent.filter(
                    (each) => each.type === (type ?? each.type) && each.app === (app ?? each.app) && each.account === (account ?? each.account),
                );
                const query = { type, app, connected_account_id: account, limit: [7, 500][random.below(2)] };
                assert.deepEqual(seqs(await api.all(EVENTS, query)), seqs(expected), JSON.stringify(query));
                const words = { ...query, q: 'brave' };
                assert.deepEqual(seqs(await api.all(EVENTS, words)), seqs(expected), JSON.stringify(words));
            }
    for (const limit of [1, 2, 119, 120, 121]) {
        const page = await api.get(`${EVENTS}?limit=${limit}`);
        assert.deepEqual(seqs(page.items), seqs(sent).slice(0, limit));
        assert.equal(page.next === null, limit >= 120);
        assert.deepEqual(seqs(await api.all(EVENTS, { limit })), seqs(sent));
    }
    assert.equal((await api.get(EVENTS)).items.length, 50, 'the default limit');
});

test('words: whole ones, several, beginnings, any case', async (t) => {
    const { server, api } = await start(t);
    await postAll(server, [
        adminEvent({ account: '9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90', app: 'notion', integration: 'notion_brave_teal' }),
        adminEvent({ account: 'ca_AbCdEf123456', app: 'googlecalendar', integration: 'Calendar Über-Sync', type: 'connected_account.add.completed' }),
    ]);
    const expired = { id: 'msg_77777777-0000-4000-8000-000000000001', account: 'ca_third', user: 'ada@example.com', reason: 'Permanent auth error' };
    await postAll(server, [expiredEvent(expired)], () => ({ 'webhook-id': expired.id }));
    await postAll(server, [
        JSON.stringify({ nothing: 'to find', brave: 'payload words are not searched' }),
    ]);
    await api.caughtUp();
    const found = {
        brave: [1],
        BRAVE: [1],
        notion_brave_teal: [1],
        'teal brave': [1],
        'brave calendar': [],
        '9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90': [1],
        '9f1d7a30': [1],
        '9f1d7a3': [],
        '9f1d7a3*': [1],
        'NOT*': [3, 1],
        'ca_*': [3, 2],
        ca_AbCdEf123456: [2],
        ca_abcdef123456: [2],
        calendar: [2],
        'über-sync': [2],
        'calend* complet*': [2],
        'connected_account.add.completed': [2],
        'connected_account.add.start': [1],
        'connected_account.*': [3, 2, 1],
        connected_account: [3, 2, 1],
        'account.add': [2, 1],
        'account-add.s*': [1],
        'connected.add': [],
        'add.account': [],
        'start.notion': [],
        'notion_brave': [1],
        '52c4-4e0b': [1],
        '@example.com': [3],
        start: [1],
        expired: [3],
        'msg_77777777-0000-4000-8000-000000000001': [3],
        'msg_77777777*': [3],
        'ada@example.com': [3],
        permanent: [3],
        'permanent error': [3],
        'int-notion_brave_teal': [1],
        payload: [],
        nothing: [],
        OR: [],
        'brave OR calendar': [],
        'NEAR(brave teal)': [],
        '-brave': [1],
        'type:brave': [],
        "it's": [],
        'brave & “teal”': [1],
        "brave'teal": [1],
        "brave'te*": [1],
        "brave'ab*": [],
        "a'b'c'd'e'f'g'h'i'j'k": [],
        'a"b': [],
        'ÜBER-SYNC': [2],
        'uber-s*': [2],
        '  brave   teal  ': [1],
    };
    for (const [q, expected] of Object.entries(found)) {
        // The app of the expired account is notion as well.
        assert.deepEqual(seqs((await api.get(withQuery(EVENTS, { q }))).items), expected, `q=${q}`);
    }
    for (const q of ['ab*', 'äö*', '*', ' ', '%', '“”', '---*', 'brave *', 'a b c d e f g h i j k']) {
        const answer = await api.ask('GET', withQuery(EVENTS, { q }));
        assertError(answer, 400, 'bad_parameter');
        assert.match(answer.json.error.message, /^q: .*(3 characters|10 words)/, `q=${q}`);
    }
    const { id } = await api.get(`${EVENTS}/1`);
    for (const q of [id, `${id.slice(0, 20)}*`]) {
        assert.deepEqual(seqs((await api.get(withQuery(EVENTS, { q }))).items), [1], `q=${q}`);
    }
    const whole = sample('v2-trigger-message.json').toString();
    await postAll(server, [whole]);
    await api.caughtUp();
    const { items } = await api.get(withQuery(EVENTS, { q: JSON.parse(whole).data.user_id }));
    assert.deepEqual(seqs(items), [5]);
});

test('since and until: of receipt, as times and as durations', async (t) => {
    const { server, api } = await start(t);
    for (let i = 0; i < 20; i += 1) {
        await postAll(server, [adminEvent({ at: 0 })]);
        await new Promise((resolve) => setTimeout(resolve, 2)); // so that times differ
    }
    await api.caughtUp();
    const events = await api.all(EVENTS);
    const at = (item) => Date.parse(item.received_at);
    const time = (ms) => new Date(ms).toISOString();
    for (const edge of events) {
        const query = (more) => api.all(EVENTS, { limit: 7, ...more });
        assert.deepEqual(seqs(await query({ since: edge.received_at })), seqs(events.filter((each) => at(each) >= at(edge))));
        assert.deepEqual(seqs(await query({ until: edge.received_at })), seqs(events.filter((each) => at(each) < at(edge))));
        const both = { since: edge.received_at, until: new Date(at(edge) + 1).toISOString(), q: 'brave' };
        assert.deepEqual(seqs(await query(both)), seqs(events.filter((each) => at(each) === at(edge))));
    }
    const all = seqs(events);
    const cases = [
        [{ since: '1h' }, all],
        [{ until: '1h' }, []],
        [{ since: '0s' }, []],
        [{ since: '2999-01-01T00:00:00Z' }, []],
        [{ until: '1970-01-01T00:00:00Z' }, []],
        [{ since: '1h', until: '0s' }, all],
        [{ since: time(at(events[0]) + 1), until: time(at(events[0]) + 1) }, []],
        [{ since: new Date(at(events.at(-1))).toISOString().replace('Z', '+00:00') }, all],
    ];
    for (const [query, expected] of cases) assert.deepEqual(seqs(await api.all(EVENTS, query)), expected, JSON.stringify(query));
    for (const query of [{ since: '0s', until: '1h' }, { since: time(at(events[0]) + 1), until: events[0].received_at, q: 'brave' }]) {
        const answer = await api.ask('GET', withQuery(EVENTS, query));
        assertError(answer, 400, 'bad_parameter');
        assert.match(answer.json.error.message, /^since: .*until/);
    }
});

// As imports and clocks that are set make it: times go up and down, within blocks of record numbers and between them.
test('since and until: whatever order the times of receipt are in', async (t) => {
    const data = path.join(temporaryDirectory(t, { memory: true }), 'data');
    const newest = Date.now() - 3_600_000;
    const times = [];
    const add = (count, time) => times.push(...Array.from({ length: count }, (_, i) => newest - time(i)));
    add(6000, (i) => 9_000_000 - i);
    add(9000, (i) => 50_000_000 + i);
    add(3000, (i) => (i % 2 ? 1_000_000 : 70_000_000) + i);
    add(9000, (i) => 20_000_000 - i);
    add(10, (i) => 60_000_000 + i);
    const apps = ['notion', 'gmail', 'slack'];
    const input = times.map((at, i) => JSON.stringify({
        kind: 'event', received_at_us: at * 1000, id: `msg_${i + 1}`, head: '', body: adminEvent({ at: 0, app: apps[i % 3], account: `account-${i % 500}` }),
    }));
    const imported = await fairlead(['import', '--json', '--data', data], { input: input.join('\n') });
    assert.equal(JSON.parse(imported.stdout).stored, times.length, imported.stderr);
    const { server, api } = await start(t, { data });
    await postAll(server, [adminEvent({ account: 'account-7' })]);
    times.push(Date.now());
    await api.caughtUp();

    const spans = [[0, 70_010_000], [50_000_000, 60_000_000], [50_004_000, 50_005_000], [8_999_000, 9_000_000], [1_000_000, 1_000_500],
        [19_990_000, 60_000_005], [70_001_000, 70_009_000], [30_000_000, 40_000_000], [19_997_521, 19_998_000]].map(([from, to]) => [newest - to, newest - from]);
    const narrow = [{}, { app: 'gmail' }, { connected_account_id: 'account-7' }, { q: 'brave' }, { q: 'gmail' }];
    for (const [since, before] of [...spans, [undefined, spans[2][0]], [spans[3][0], undefined]])
        for (const more of narrow) {
            const fits = (at, i) => at >= (since ?? -Infinity) && at < (before ?? Infinity) &&
                (more.connected_account_id ? i % 500 === 7 || i === times.length - 1 : true) &&
                (more.app ?? more.q === 'gmail' ? i % 3 === 1 && i < times.length - 1 : true);
            const expected = times.flatMap((at, i) => (fits(at, i) ? [i + 1] : [])).reverse();
            const iso = (at) => at && new Date(at).toISOString();
            const query = { since: iso(since), until: iso(before), limit: 500, ...more };
            assert.deepEqual(seqs(await api.all(EVENTS, query)), expected, JSON.stringify(query));
        }
    // What was learned on the way: an old time is found at once, and nothing more is said to come.
    const page = await api.get(withQuery(EVENTS, { until: new Date(newest - 60_000_000).toISOString(), since: new Date(newest - 60_000_009).toISOString() }));
    assert.deepEqual([seqs(page.items).length, page.next], [9, null]);
    await postAll(server, [adminEvent({})]);
    await api.caughtUp();
    assert.deepEqual(seqs(await api.all(EVENTS, { since: new Date(times.at(-1) + 1).toISOString() })).slice(0, 1), [times.length + 1], 'what came later');
});

test('cursors stay valid while events arrive', async (t) => {
    const { server, api } = await start(t);
    await postAll(server, Array.from({ length: 150 }, () => adminEvent({})));
    await api.caughtUp();
    /* Between any two pages events arrive and are tracked. */
    const arrive = async () => {
        await postAll(server, Array.from({ length: 3 }, () => adminEvent({})));
        await api.caughtUp();
    };
    const expected = Array.from({ length: 150 }, (_, i) => 150 - i);
    for (const query of [{ limit: 7 }, { limit: 11, app: 'notion' }, { limit: 9, q: 'brave' }, { limit: 13, since: '1h' }]) {
        const walked = seqs(await api.all(EVENTS, query, arrive));
        assert.deepEqual(walked.filter((seq) => seq <= 150), expected, JSON.stringify(query));
        assert.equal(new Set(walked).size, walked.length, 'nothing comes twice');
    }
});

test('credentials are hidden unless they are asked for', async (t) => {
    const { server, api } = await start(t);
    await postAll(server, [expiredEvent({ id: 'msg_1', account: 'ca_1', secret: 'tok_SECRET' })], () => ({ 'x-api-key': 'key_SECRET' }));
    await api.caughtUp();
    for (const target of [EVENTS, `${EVENTS}?q=notion`, `${EVENTS}/1`, '/api/v1/connected_accounts/ca_1']) {
        const hidden = await api.ask('GET', target);
        assert.doesNotMatch(hidden.text, /SECRET/, target);
        assert.match(hidden.text, /redacted/i, target);
        for (const no of ['0', 'false']) assert.doesNotMatch((await api.ask('GET', withReveal(target, no))).text, /SECRET/);
        for (const yes of ['1', 'true']) assert.match((await api.ask('GET', withReveal(target, yes))).text, /tok_SECRET/, target);
    }
    assert.equal((await api.get(`${EVENTS}/1?reveal`)).headers['x-api-key'], 'key_SECRET');
    assert.equal((await api.get(`${EVENTS}/1?reveal=1`)).payload.data.state.val.access_token, 'tok_SECRET');
});

const withReveal = (target, value) => `${target}${target.includes('?') ? '&' : '?'}reveal=${value}`;

test('the exact bytes', async (t) => {
    const { server, api } = await start(t);
    const bodies = [
        '{ "b" : 1.0e+2,\t"a":[ ],\r\n "a":"twice" }',
        ' {"text":"\\u0000\\ud83d\\ude00 \u{1f600} \u007f ä\\/"} \n',
        `{"large":"${'x'.repeat(300_000)}"}`,
        '{"n":123456789012345678901234567890,"lone":"\\ud800"}',
        sample('v3-connected-account-expired.json').toString(),
    ];
    await postAll(server, bodies);
    await api.caughtUp();
    for (const [i, body] of bodies.entries()) {
        const raw = await api.ask('GET', `${EVENTS}/${i + 1}?raw=1`);
        assert.equal(raw.status, 200);
        assert.equal(raw.headers['content-type'], 'application/octet-stream');
        assert.ok(raw.bytes.equals(Buffer.from(body)), `body ${i + 1}`);
        const head = await api.ask('HEAD', `${EVENTS}/${i + 1}?raw=1`);
        assert.equal(head.headers['content-length'], String(Buffer.byteLength(body)));
        assert.equal(head.bytes.length, 0);
        assert.deepEqual((await api.get(`${EVENTS}/${i + 1}?raw=0&reveal=1`)).payload, JSON.parse(body));
    }
});

test('one event: its headers, its signature, how often it came, and those that are not there', async (t) => {
    const { server, api } = await start(t, { args: ['--secret', SECRET] });
    const body = adminEvent({ account: 'one' });
    const headers = { ...signed(body, SECRET, 'msg_first'), 'X-Several': ['a', 'b'], authorization: 'Bearer of the sender', 'user-agent': 'Composio-Webhook/1.0' };
    assertStored(await server.post(body, headers));
    for (let i = 0; i < 3; i += 1) assertDuplicate(await server.post(body, { ...headers, ...signed(body, SECRET, 'msg_first') }));
    await api.caughtUp();
    const event = await api.get(`${EVENTS}/1`);
    assert.equal(event.id, 'msg_first');
    assert.equal(event.verified, true);
    assert.equal(event.headers['user-agent'], 'Composio-Webhook/1.0');
    assert.equal(event.headers['x-several'], 'a, b');
    assert.equal(event.headers.authorization, undefined);
    assert.equal(event.headers[':from'], undefined);
    assert.equal(event.from, '127.0.0.1');
    const [listed] = (await api.get(EVENTS)).items;
    const { headers: _, from, ...without } = event;
    assert.deepEqual(listed, without);
    for (const seq of ['2', '9223372036854775807']) {
        for (const query of ['', '?raw=1']) assertError(await api.ask('GET', `${EVENTS}/${seq}${query}`), 404, 'not_found');
    }
    assertError(await api.ask('GET', `${EVENTS}/1?raw=1`, { headers: {} }), 401, 'unauthorized');
});

test('a search that finds little in much comes back early, and goes on', async (t) => {
    const { server, api } = await start(t, { memory: true });
    await postAll(server, [adminEvent({ type: 'connected_account.rare' })]);
    // More than are examined for one answer.
    const bodies = Array.from({ length: 21_000 }, (_, i) => adminEvent({ account: `flood_${i}` }));
    let stored = 0;
    await flood(server.url, { connections: 50, next: () => bodies.pop() ?? null, onAnswer: (_, answer) => (stored += answer.status === 200) });
    assert.equal(stored, 21_000);
    await postAll(server, [adminEvent({ type: 'connected_account.rare' })]);
    await api.caughtUp();
    for (const more of [{ app: 'notion' }, { q: 'brave', since: '1h' }]) {
        const query = { ...more, type: 'connected_account.rare', limit: 10 };
        const first = await api.get(withQuery(EVENTS, query));
        assert.deepEqual(seqs(first.items), [21_002], JSON.stringify(query));
        assert.ok(first.next, 'the first page ends before everything was looked at');
        assert.deepEqual(seqs(await api.all(EVENTS, query)), [21_002, 1]);
    }
    // More than are put into order for one answer: these are looked for event by event.
    const begun = await api.all(EVENTS, { q: 'flood_1*', limit: 500 });
    assert.deepEqual(seqs(begun), seqs(begun).sort((a, b) => b - a));
    assert.deepEqual(begun.map((event) => event.connected_account_id).sort(),
        Array.from({ length: 21_000 }, (_, i) => `flood_${i}`).filter((id) => id.startsWith('flood_1')).sort());
    const page = await api.get(withQuery(EVENTS, { q: 'flood_1* rare' }));
    assert.deepEqual([page.items, page.next], [[], null], 'no event has both');
    const accounts = await api.all('/api/v1/connected_accounts', { q: 'flood_2*', limit: 500 });
    assert.equal(accounts.length, 1 + 10 + 100 + 1000 + 1000);
});

test('names that need escapes in a query', async (t) => {
    const { server, api } = await start(t);
    const names = ['with space', 'a+b', 'a&b=c', 'ä/ö?#%', '"quoted"', "o'clock", '日本語'];
    await postAll(server, names.map((name) => adminEvent({ app: name, account: name })));
    await api.caughtUp();
    for (const [i, name] of names.entries()) {
        assert.deepEqual(seqs((await api.get(`${EVENTS}?app=${encodeURIComponent(name)}`)).items), [i + 1], name);
        assert.deepEqual(seqs((await api.get(`${EVENTS}?connected_account_id=${encodeURIComponent(name)}`)).items), [i + 1], name);
        const { account, timeline } = await api.get(`/api/v1/connected_accounts/${encodeURIComponent(name)}`);
        assert.equal(account.id, name);
        assert.deepEqual(seqs(timeline), [i + 1]);
    }
});

test('how often an event came again: counted, kept over a restart and a rebuild, never exported', async (t) => {
    const { server, api } = await start(t);
    const bodies = ['a', 'b', 'c'].map((account) => adminEvent({ account }));
    await postAll(server, bodies);
    for (const [index, times] of [[0, 3], [2, 1]])
        for (let i = 0; i < times; i += 1) assertDuplicate(await server.post(bodies[index]));
    const counts = async (from) => (await from.all(EVENTS, {})).map((event) => event.duplicates).reverse();
    await until('all are counted', async () => (await counts(api)).join() === '3,0,1');
    assertDuplicate(await server.post(bodies[1]));
    await server.stop();

    const rebuilt = await fairlead(['rebuild', '--data', server.data]);
    assert.equal(rebuilt.code, 0, rebuilt.stderr);
    assert.deepEqual((await exportRecords(server.data)).map((record) => record.kind), ['event', 'event', 'event']);
    const again = await start(t, { data: server.data });
    await again.api.caughtUp();
    assert.deepEqual(await counts(again.api), [3, 1, 1]);
});
