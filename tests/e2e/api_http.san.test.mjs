// The API's side of HTTP: who may ask, the login's cookie, parameters, headers, refused webhooks.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { assertError, assertStored, hasProgram, startServer, temporaryDirectory, uniqueEvent } from './harness.mjs';

const TOKEN = 'test-admin-token; with "quotes" and ä';
const SECRET = 'test-secret-local-0001';

const bearer = (token = TOKEN) => ({ authorization: `Bearer ${Buffer.from(token).toString('latin1')}` });
const login = (server, body, headers = {}) =>
    server.request({ method: 'POST', path: '/api/v1/session', body: JSON.stringify(body), headers });

/** The cookie that an answer sets, as a browser would send it back. */
function cookieOf(answer) {
    const [cookie] = answer.headers['set-cookie'] ?? [];
    return cookie?.split(';')[0];
}

test('the login gives a cookie, the cookie opens the API, the logout takes it away', async (t) => {
    const server = await startServer(t, { args: ['--admin-token', TOKEN] });
    assertError(await login(server, { token: 'wrong' }), 401, 'unauthorized');
    assertError(await login(server, {}), 400, 'bad_parameter');
    assertError(await login(server, { token: TOKEN, more: 1 }), 400, 'bad_parameter');
    const entered = await login(server, { token: TOKEN });
    assert.equal(entered.status, 200, entered.text);
    assert.deepEqual(entered.json, { success: true });
    assert.match(entered.headers['set-cookie'][0], /^fairlead_token=\S+; HttpOnly; SameSite=Strict; Path=\/$/);
    const cookie = cookieOf(entered);

    for (const headers of [{ cookie }, { cookie: `other=1; ${cookie}; last=2` }, bearer()]) {
        const answer = await server.request({ path: '/api/v1/refused', headers });
        assert.equal(answer.status, 200, answer.text);
    }
    for (const headers of [{}, { cookie: 'fairlead_token=' }, { cookie: `x${cookie}` }, { cookie: cookie.slice(0, -1) }, bearer('')]) {
        assertError(await server.request({ path: '/api/v1/refused', headers }), 401, 'unauthorized');
    }

    const wrong = await server.request({ path: '/api/v1/refused', headers: { cookie, ...bearer('wrong') } });
    assertError(wrong, 401, 'unauthorized');
    assert.match(wrong.json.error.message, /Authorization header is not the admin token/);
    assertError(await server.request({ path: '/api/v1/refused', headers: { cookie, authorization: 'Bearer' } }), 401, 'unauthorized');
    const fromProxy = await server.request({ path: '/api/v1/refused', headers: { cookie, authorization: 'Basic dXNlcjpwYXNz' } });
    assert.equal(fromProxy.status, 200, 'what is for a proxy in front is none of ours');

    const leave = (headers) => server.request({ method: 'DELETE', path: '/api/v1/session', headers: { cookie, ...headers } });
    assertError(await leave({}), 403, 'forbidden');
    assertError(await leave({ 'sec-fetch-site': 'same-site' }), 403, 'forbidden');
    const elsewhere = await leave({ origin: 'http://elsewhere.example' });
    assertError(elsewhere, 403, 'forbidden');
    assert.match(elsewhere.json.error.message, /a reverse proxy .* must pass on the Host/);
    assertError(await leave({ origin: 'null' }), 403, 'forbidden');
    for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: server.url }]) {
        const left = await leave(headers);
        assert.equal(left.status, 200, left.text);
        assert.match(left.headers['set-cookie'][0], /^fairlead_token=; .*Max-Age=0/);
    }
    assertError(await login(server, { token: TOKEN }, { origin: 'http://elsewhere.example' }), 403, 'forbidden');
    await server.stop();
    assert.ok(!server.stderr.includes('test-admin-token'), 'the token is in no log');
});

test('the link with the token', async (t) => {
    const server = await startServer(t, { args: ['--admin-token', TOKEN, '--log-level', 'debug'] });
    const right = await server.request({ path: `/?token=${encodeURIComponent(TOKEN)}` });
    assert.equal(right.status, 303);
    assert.equal(right.headers.location, './');
    const headers = { cookie: cookieOf(right) };
    assert.equal((await server.request({ path: '/metrics', headers })).status, 200);
    for (const target of ['/?token=wrong', '/?token=', '/?token=%ff']) {
        const wrong = await server.request({ path: target });
        assert.equal(wrong.status, 303);
        assert.equal(wrong.headers.location, './?link=refused', 'the page says it');
        assert.equal(wrong.headers['set-cookie'], undefined);
    }
    const page = await server.request({ path: '/' });
    assert.equal(page.status, 200);
    await server.stop();
    assert.ok(!server.stderr.includes('test-admin-token'), 'the token is in no log');
});

test('without authorization everything is open, except to pages of other sites', async (t) => {
    const server = await startServer(t, { args: ['--no-auth'] });
    assert.equal((await server.request({ path: '/api/v1/refused' })).status, 200);
    const answer = await login(server, { token: 'any' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['set-cookie'], undefined);
    assertError(await login(server, { token: 'any' }, { origin: 'http://elsewhere.example' }), 403, 'forbidden');
    assertError(await login(server, { token: 'any' }, { 'sec-fetch-site': 'cross-site' }), 403, 'forbidden');
});

test('under TLS the cookie is for TLS only', { skip: hasProgram('openssl') ? false : 'openssl is not installed' }, async (t) => {
    const directory = temporaryDirectory(t);
    const [cert, key] = ['own.pem', 'own.key'].map((name) => path.join(directory, name));
    const made = spawnSync('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ]);
    assert.equal(made.status, 0, made.stderr.toString());
    const server = await startServer(t, { args: ['--tls-cert', cert, '--tls-key', key, '--admin-token', 'tls-test-admin-token'] });
    const entered = await server.request({ path: '/?token=tls-test-admin-token', ca: fs.readFileSync(cert) });
    assert.match(entered.headers['set-cookie'][0], /; Secure$/);
});

test('parameters, methods, types, sizes', async (t) => {
    const server = await startServer(t, { args: ['--admin-token', TOKEN] });
    const get = (target) => server.request({ path: target, headers: bearer() });
    const bad = {
        '/api/v1/refused?limit=0': /^limit: "0" is not allowed; it must be a whole number from 1 to 500/,
        '/api/v1/refused?limit=1&limit=1': /^limit: given more than once/,
        '/api/v1/refused?cursor=x': /^cursor: /,
        '/api/v1/refused?colour=red': /^colour: .*limit, cursor/,
        '/api/v1/refused?%22%3Cb%3E=1': /^"<b>: /,
        '/metrics?x=1': /^x: .*none/,
    };
    for (const [target, message] of Object.entries(bad)) {
        const answer = await get(target);
        assertError(answer, 400, 'bad_parameter');
        assert.match(answer.json.error.message, message);
    }
    const wrongMethod = await server.request({ method: 'PUT', path: '/api/v1/session' });
    assertError(wrongMethod, 405, 'method_not_allowed');
    assert.equal(wrongMethod.headers.allow, 'POST, DELETE');
    const head = await server.request({ method: 'HEAD', path: '/api/v1/refused', headers: bearer() });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assertError(await get('/api/v1/nothing'), 404, 'not_found');
    assertError(await login(server, { token: 'x'.repeat(5000) }), 400, 'bad_parameter');
    assertError(await login(server, { token: 'x'.repeat(70_000) }), 413, 'body_too_large');
    assertError(await login(server, { token: TOKEN }, { 'content-type': 'text/plain' }), 415, 'unsupported_media_type');
    const broken = await server.request({ method: 'POST', path: '/api/v1/session', body: '{"token":' });
    assertError(broken, 400, 'invalid_json');
});

test('every answer but the fixed one has the security headers', async (t) => {
    const server = await startServer(t, { args: ['--admin-token', TOKEN] });
    for (const target of ['/', '/healthz', '/metrics', '/nothing', '/webhook']) {
        const answer = await server.request({ path: target });
        assert.equal(answer.headers['x-content-type-options'], 'nosniff', target);
        assert.equal(answer.headers['referrer-policy'], 'no-referrer', target);
        assert.ok(answer.headers['cache-control'], target);
    }
});

test('refused webhooks: newest first, with a cursor, without their bodies', async (t) => {
    const server = await startServer(t, { args: ['--secret', SECRET, '--max-body', '2KiB'] });
    const headers = { authorization: `Bearer ${server.token}` };
    const list = async (query = '') => {
        const answer = await server.request({ path: `/api/v1/refused${query}`, headers });
        assert.equal(answer.status, 200, answer.text);
        return answer.json;
    };
    assert.deepEqual(await list(), { items: [], next: null });

    const event = uniqueEvent('refused', { secret_text: 'never-kept' });
    const id = JSON.parse(event).data.connected_account_id;
    const forged = { 'webhook-id': 'msg_1', 'webhook-timestamp': String(Math.floor(Date.now() / 1000)), 'webhook-signature': 'v1,AAAA' };
    assertError(await server.post(event), 401, 'signature_missing');
    assertError(await server.post(event, forged), 401, 'signature_invalid');
    assertError(await server.post('x'.repeat(3000)), 413, 'body_too_large');
    assertError(await server.request({ path: '/webhook' }), 405, 'method_not_allowed');
    assertError(await server.post(event, {}, { path: '/elsewhere' }), 404, 'not_found');

    const all = await list();
    assert.deepEqual(all.items.map((item) => item.code), ['method_not_allowed', 'body_too_large', 'signature_invalid', 'signature_missing']);
    assert.deepEqual(all.items.map((item) => item.connected_account_id), [null, null, id, id]);
    assert.equal(all.next, null);
    for (const item of all.items) {
        assert.deepEqual(Object.keys(item), ['at', 'code', 'message', 'from', 'bytes', 'connected_account_id']);
        assert.match(item.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(item.from, '127.0.0.1');
        assert.ok(item.message.length > 0);
    }
    assert.deepEqual(all.items.map((item) => item.bytes), [0, 3000, event.length, event.length]);
    assert.ok(!JSON.stringify(all).includes('never-kept'));

    const first = await list('?limit=3');
    assert.deepEqual(first.items, all.items.slice(0, 3));
    const second = await list(`?limit=3&cursor=${first.next}`);
    assert.deepEqual(second, { items: all.items.slice(3), next: null });
    assert.deepEqual(await list('?cursor=1'), { items: [], next: null });
});

test('an open server remembers what was no event', async (t) => {
    const server = await startServer(t, { args: ['--no-auth'] });
    assertStored(await server.post(uniqueEvent()));
    assertError(await server.post('{"a":'), 400, 'invalid_json');
    assertError(await server.post('[]'), 400, 'not_an_object');
    const { json } = await server.request({ path: '/api/v1/refused' });
    assert.deepEqual(json.items.map((item) => item.code), ['not_an_object', 'invalid_json']);
});
