// The API's own description: is it valid, does every answer keep to it, is every parameter refused as it says?
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';

import { adminEvent, Api, expiredEvent, postAll, withQuery } from './api.mjs';
import { assertError, startServer } from './harness.mjs';

const STREAM = '/api/v1/stream'; // endless
const SECRET = 'test-secret-local-0001';

async function startWithEvents(t, args = []) {
    const server = await startServer(t, { args });
    const api = await Api.open(server);
    const at = Date.now() - 3_600_000;
    await postAll(server, [
        adminEvent({ account: 'done', at }),
        adminEvent({ account: 'done', at: at + 20_000, type: 'connected_account.add.completed' }),
        adminEvent({ account: 'left', at }),
        adminEvent({ account: 'deleted', at, type: 'connected_account.deleted', app: 'slack' }),
        expiredEvent({ id: 'msg_1', account: 'expired', at }),
        JSON.stringify({ anything: 'else' }),
        adminEvent({ account: 'strange', at, type: 'connected_account.unheard_of' }),
    ]);
    await api.caughtUp();
    return { server, api };
}

/** What a question cannot be asked without. */
const requiredOf = (operation) =>
    Object.fromEntries(operation.parameters.filter((each) => each.in === 'query' && each.required).map(({ name }) => [name, 'done']));

test('the document is valid OpenAPI 3.1', async (t) => {
    const server = await startServer(t);
    const answer = await server.request({ path: '/openapi.json' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/json');
    const judgement = await new Validator().validate(answer.json);
    assert.ok(judgement.valid, JSON.stringify(judgement.errors, null, 2));
    assert.equal(answer.json.openapi, '3.1.0');
    const ids = Object.values(answer.json.paths).flatMap((path) => Object.values(path).map((each) => each.operationId));
    assert.equal(new Set(ids).size, ids.length, 'operation ids differ');
});

test('the path of webhooks is the one that is set', async (t) => {
    const server = await startServer(t, { args: ['--path', '/hooks/in'] });
    const { paths } = (await server.request({ path: '/openapi.json' })).json;
    assert.deepEqual(Object.keys(paths['/hooks/in']), ['post']);
    assert.equal(paths['/webhook'], undefined);
});

test('every answer of every endpoint is as the document says', async (t) => {
    const { server, api } = await startWithEvents(t, ['--secret', SECRET, '--verify', 'none']);
    const exercises = {
        'POST /webhook': async () => {
            const body = adminEvent({});
            assert.equal((await api.ask('POST', '/webhook', { body, headers: {} })).status, 200);
            assert.deepEqual((await api.ask('POST', '/webhook', { body, headers: {} })).json, { success: true, duplicate: true });
            assert.equal((await api.ask('POST', '/webhook', { body: '{', headers: {} })).status, 400);
            const headers = { 'content-type': 'text/plain' };
            assert.equal((await api.ask('POST', '/webhook', { body, headers })).status, 415);
        },
        'GET /healthz': () => api.get('/healthz'),
        'GET /readyz': () => api.get('/readyz'),
        'GET /metrics': async () => assert.match((await api.ask('GET', '/metrics')).text, /^# HELP /),
        'GET /openapi.json': () => api.get('/openapi.json'),
        'GET /api/v1/events': async () => {
            for (const query of ['', '?limit=2', '?q=done', '?reveal', '?type=none']) await api.get(`/api/v1/events${query}`);
        },
        'GET /api/v1/events/{seq}': async () => {
            for (let seq = 1; seq <= 7; seq += 1) await api.get(`/api/v1/events/${seq}`);
            assert.equal((await api.ask('GET', '/api/v1/events/1?raw=1')).headers['content-type'], 'application/octet-stream');
            assert.equal((await api.ask('GET', '/api/v1/events/999')).status, 404);
        },
        'GET /api/v1/connected_accounts': async () => {
            for (const query of ['', '?limit=2', '?q=done']) await api.get(`/api/v1/connected_accounts${query}`);
        },
        'GET /api/v1/connected_accounts/{id}': async () => {
            for (const id of ['done', 'left', 'deleted', 'expired', 'strange']) await api.get(`/api/v1/connected_accounts/${id}`);
            assert.equal((await api.ask('GET', '/api/v1/connected_accounts/nobody')).status, 404);
        },
        'GET /api/v1/connected_account': async () => {
            for (const id of ['done', 'left', 'deleted', 'expired', 'strange']) await api.get(`/api/v1/connected_account?id=${id}`);
            assert.equal((await api.ask('GET', '/api/v1/connected_account?id=nobody')).status, 404);
            assert.equal((await api.ask('GET', '/api/v1/connected_account')).status, 400);
        },
        'GET /api/v1/onboarding': async () => {
            for (const by of ['app', 'integration']) await api.get(`/api/v1/onboarding?by=${by}`);
            const { total } = await api.get('/api/v1/onboarding?until=30d');
            assert.equal(total.completion_rate, null);
        },
        'GET /api/v1/stream': async () => {
            const answer = await new Promise((resolve, reject) => {
                const sent = http.get(new URL('/api/v1/stream?after=0', server.url), { headers: api.authorization, agent: false }, resolve);
                sent.on('error', reject);
            });
            api.check('GET', '/api/v1/stream', { status: answer.statusCode, headers: answer.headers });
            const names = new Set();
            for await (const chunk of answer.setEncoding('utf8')) {
                for (const [, name] of chunk.matchAll(/^event: (\w+)$/gm)) names.add(name);
                if (names.size === 2) break; // which ends the connection
            }
            assert.deepEqual([...names].sort(), ['account', 'event']);
        },
        'GET /api/v1/status': () => api.get('/api/v1/status'),
        'GET /api/v1/refused': async () => {
            const { items } = await api.get('/api/v1/refused?limit=1');
            assert.equal(items.length, 1);
        },
        'POST /api/v1/session': async () => {
            assert.equal((await api.ask('POST', '/api/v1/session', { body: { token: server.token }, headers: {} })).status, 200);
            assertError(await api.ask('POST', '/api/v1/session', { body: { token: 'wrong' }, headers: {} }), 401, 'unauthorized');
        },
        'DELETE /api/v1/session': async () => assert.equal((await api.ask('DELETE', '/api/v1/session')).status, 200),
        'POST /api/v1/test_event': async () => {
            assert.equal((await api.ask('POST', '/api/v1/test_event', { body: {} })).status, 200);
            assert.equal((await api.ask('POST', '/api/v1/test_event', { body: { type: 'none' } })).status, 400);
        },
    };
    for (const { method, path } of api.operations) {
        const exercise = exercises[`${method} ${path}`];
        assert.ok(exercise, `${method} ${path} has no exercise here`);
        await t.test(`${method} ${path}`, exercise);
        assert.ok(api.exercised.has(`${method} ${path}`));
    }
    assert.deepEqual(Object.keys(exercises).sort(), [...api.exercised].sort());
});

test('what needs the token says so and refuses without it; HEAD answers like GET', async (t) => {
    const { api } = await startWithEvents(t);
    const real = { seq: '1', id: 'done' };
    for (const { method, path, operation } of api.operations) {
        const target = withQuery(path.replace(/\{(\w+)\}/, (_, name) => real[name]), requiredOf(operation));
        const isOpen = operation.security?.length === 0;
        const body = method === 'POST' ? '{}' : undefined;
        const without = await api.ask(method, target, { headers: {}, body });
        const wrong = await api.ask(method, target, { headers: { authorization: 'Bearer wrong' }, body });
        if (isOpen) assert.notEqual(without.json?.error?.message, 'the admin token is missing');
        else for (const answer of [without, wrong]) assertError(answer, 401, 'unauthorized');
        if (method !== 'GET' || path === STREAM) continue;
        const got = await api.ask('GET', target);
        const head = await api.ask('HEAD', target);
        assert.equal(head.status, got.status, target);
        assert.equal(head.text, '');
        assert.equal(head.headers['content-type'], got.headers['content-type']);
    }
});

// ---- bad parameters ------------------------------------------------------------------------------------------------

/** Texts that the schema of a parameter does not allow, and what the refusal must say. */
function badValues(schema) {
    if (schema.type === 'integer') {
        const bad = [BigInt(schema.minimum) - 1n, BigInt(String(schema.maximum)) + 1n, 'x', '1.5', '1e1', ' 1', ''].map(String);
        // JSON numbers of this size are rounded here; the server's are not.
        return { bad: schema.maximum > Number.MAX_SAFE_INTEGER ? bad.filter((_, i) => i !== 1).concat('9223372036854775808') : bad, says: ['whole number', String(schema.minimum)] };
    }
    if (schema.enum) return { bad: ['nonsense', '2', schema.enum[0].toUpperCase() + '!'], says: schema.enum.filter(Boolean) };
    if (schema.anyOf) return { bad: ['yesterday', '2026-13-01T00:00:00Z', '2026-05-04', '5y', '-1h', ''], says: ['2026-', '24h'] };
    if (schema.pattern) return { bad: ['0', '-1', 'x', '1.5', ''], says: ['next'] };
    assert.ok(schema.minLength >= 1 && schema.maxLength);
    return { bad: ['', 'x'.repeat(schema.maxLength + 1), 'ä'.repeat(schema.maxLength / 2 + 1)], says: [String(schema.maxLength)] };
}

function assertBadParameter(answer, name, says, value) {
    assertError(answer, 400, 'bad_parameter');
    const { message } = answer.json.error;
    assert.ok(message.startsWith(`${name}: `), `${name}=${value}: ${message}`);
    for (const piece of says) assert.ok(message.includes(piece), `${name}=${value}: "${piece}" is not in: ${message}`);
}

test('bad parameters get 400 with the name and what is allowed', async (t) => {
    const { api } = await startWithEvents(t);
    const fill = (path, name, value) =>
        path.replace(/\{(\w+)\}/, (_, here) => (here === name ? encodeURIComponent(value) : { seq: '1', id: 'done' }[here]));
    let tried = 0;
    for (const { method, path, operation } of api.operations) {
        for (const { name, in: place, schema } of operation.parameters.filter((each) => each.in !== 'header')) {
            const { bad, says } = badValues(schema);
            for (const value of bad.filter((each) => place === 'query' || each)) {
                const target = place === 'query' ? withQuery(fill(path), { [name]: value }) : fill(path, name, value);
                assertBadParameter(await api.ask(method, target), name, says, value);
                tried += 1;
            }
            if (place === 'path') continue;
            const value = schema.enum?.[0] ?? { integer: '7' }[schema.type] ?? (schema.anyOf ? '1h' : '7');
            const twice = await api.ask(method, `${fill(path)}?${name}=${value}&${name}=${value}`);
            assertBadParameter(twice, name, ['more than once'], value);
        }
        if (method !== 'GET') continue;
        const unknown = await api.ask(method, `${fill(path)}?colour=red`);
        const known = operation.parameters.filter((each) => each.in === 'query').map((each) => each.name);
        assertBadParameter(unknown, 'colour', known.length ? known : ['none'], 'red');
    }
    assert.ok(tried > 60, `${tried} values were tried`);
});

test('bad members of bodies get 400 with the name and what is allowed', async (t) => {
    const { server, api } = await startWithEvents(t);
    const bodies = api.operations.filter(({ path, operation }) => operation.requestBody && path !== '/webhook');
    assert.ok(bodies.length >= 2);
    for (const { method, path, operation } of bodies) {
        const { properties, required } = operation.requestBody.content['application/json'].schema;
        const ask = (body) => api.ask(method, path, { body });
        for (const [name, { allOf }] of Object.entries(properties)) {
            const { bad, says } = badValues(allOf[0]);
            for (const value of bad) assertBadParameter(await ask({ [name]: value }), name, says, value);
            // No member of a body is anything but text today.
            for (const value of [1.5, 5, true, {}, []]) assertBadParameter(await ask({ [name]: value }), name, [], value);
        }
        for (const name of required) assertBadParameter(await ask({}), name, [], 'nothing');
        assertBadParameter(await ask({ token: server.token, colour: 'red' }), properties.token ? 'colour' : 'token', [], 'red');
        assertError(await ask('[]'), 400, 'not_an_object');
        assertError(await ask('{"a":'), 400, 'invalid_json');
        assertError(await ask(JSON.stringify({ token: 'x'.repeat(70_000) })), 413, 'body_too_large');
        assertError(await api.ask(method, path, { body: '{}', headers: { ...api.authorization, 'content-type': 'text/plain' } }), 415, 'unsupported_media_type');
    }
});

test('every choice that the document names is taken', async (t) => {
    const { api } = await startWithEvents(t);
    for (const { method, path, operation } of api.operations) {
        for (const { name, in: place, schema } of operation.parameters) {
            if (place !== 'query' || !schema.enum || path === STREAM) continue;
            for (const value of schema.enum) {
                const target = withQuery(path.replace('{seq}', '1').replace('{id}', 'done'), { ...requiredOf(operation), [name]: value });
                assert.equal((await api.ask(method, target)).status, 200, target);
            }
        }
    }
});

// ---- the test event ------------------------------------------------------------------------------------------------

test('a test event is received like any other, and signed when a secret is set', async (t) => {
    const server = await startServer(t, { args: ['--secret', SECRET] });
    const api = await Api.open(server);
    const types = api.document.paths['/api/v1/test_event'].post.requestBody.content['application/json'].schema.properties.type.allOf[0].enum;
    let last = 0;
    for (const type of [undefined, ...types]) {
        const made = (await api.ask('POST', '/api/v1/test_event', { body: { type, app: 'gmail' } })).json;
        assert.equal(made.seq, (last += 1));
        await api.caughtUp();
        const event = await api.get(`/api/v1/events/${made.seq}`);
        assert.equal(event.verified, true);
        assert.equal(event.type, type ?? 'connected_account.add.start');
        assert.equal(event.app, 'gmail');
        assert.equal(event.id, made.id);
        assert.equal(event.connected_account_id, made.connected_account_id);
        assert.match(event.headers['webhook-signature'], /^v1,/);
        assert.equal(event.from, '127.0.0.1');
        const { account } = await api.get(`/api/v1/connected_accounts/${made.connected_account_id}`);
        assert.equal(account.app, 'gmail');
    }
    const body = { type: 'connected_account.add.completed', connected_account_id: 'known "one"' };
    assert.equal((await api.ask('POST', '/api/v1/test_event', { body })).json.connected_account_id, 'known "one"');
    const metrics = (await api.ask('GET', '/metrics')).text;
    assert.match(metrics, new RegExp(`fairlead_webhooks_total\\{result="stored"\\} ${last + 1}\\n`));
    assert.doesNotMatch(server.stderr + metrics, new RegExp(SECRET));
});

test('a test event without a secret is unverified; where only public keys are set it cannot be signed', async (t) => {
    const plain = await Api.open(await startServer(t));
    assert.equal((await plain.ask('POST', '/api/v1/test_event', { body: '' })).status, 200);
    await plain.caughtUp();
    assert.equal((await plain.get('/api/v1/events/1')).verified, null);
    const key = `whpk_${Buffer.alloc(32, 7).toString('base64')}`;
    const checking = await Api.open(await startServer(t, { args: ['--secret', key] }));
    const answer = await checking.ask('POST', '/api/v1/test_event', { body: {} });
    assert.equal(answer.status, 400);
    assert.match(answer.json.error.message, /no secret .* can sign/);
    assert.deepEqual((await checking.get('/api/v1/events')).items, []);
});
