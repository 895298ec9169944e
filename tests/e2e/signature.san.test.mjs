// Signatures: the published client of Standard Webhooks signs, and the vectors of the platform's documentation.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';

import { assertDuplicate, assertError, assertStored, bodyOf, exportEvents, startServer, uniqueEvent } from './harness.mjs';

const VECTOR = {
    id: 'msg_00000000-0000-4000-8000-000000000001',
    timestamp: 1767225600,
    body: '{"hello":"wörld"}',
};
const PLAIN = 'test-secret-local-0001';
const PREFIXED = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3';
const SIGNATURES = {
    plain: 'v1,jrAMr1j/LyDm0e+4Z3Zv1ipIeDfSeCXa8nJsXJmQhRM=',
    composio: 'v1,AzGg8YcWOtB2lqDi8rlFOL9uNqHEJWyyCVEI+zdlb5s=',
    standard: 'v1,PqVgM7vNACTKUb75u7Mgks/SpI4jrFvIo5ucNl0T6JA=',
};

const headersOf = (id, timestamp, signature) => ({
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature,
});
const now = () => Math.floor(Date.now() / 1000);
const hmac = (key, id, timestamp, body) =>
    `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;

let number = 0;
/** Headers under the platform's scheme; a new id each time. */
function composio(secret, body, timestamp = now()) {
    number += 1;
    const id = `msg_test-${process.pid}-${number}`;
    return headersOf(id, timestamp, hmac(secret, id, timestamp, body));
}

test('the vectors, under each scheme', async (t) => {
    const cases = [
        [PLAIN, ['auto', 'composio'], SIGNATURES.plain],
        [PREFIXED, ['auto', 'composio'], SIGNATURES.composio],
        [PREFIXED, ['auto', 'standard'], SIGNATURES.standard],
    ];
    for (const [secret, schemes, right] of cases) {
        for (const scheme of schemes) {
            const args = ['--secret', secret, '--verify', scheme, '--tolerance', '0'];
            const server = await startServer(t, { args });
            const send = (signature, body = VECTOR.body) =>
                server.post(body, headersOf(VECTOR.id, VECTOR.timestamp, signature));
            for (const signature of Object.values(SIGNATURES)) {
                const fits =
                    signature === right ||
                    (scheme === 'auto' && secret === PREFIXED && signature !== SIGNATURES.plain);
                if (!fits) assertError(await send(signature), 401, 'signature_invalid');
            }
            assertError(await send(right, '{"hello":"world"}'), 401, 'signature_invalid');
            assertStored(await send(right));
            assertDuplicate(await send(right));
            const [event] = await exportEvents(server.data);
            assert.equal(event.id, VECTOR.id);
            assert.match(event.head, /^:verified: true$/m);
            assert.deepEqual(bodyOf(event), Buffer.from(VECTOR.body));
            await server.stop();
        }
    }
});

test('the published client signs', async (t) => {
    let Webhook;
    try {
        ({ Webhook } = await import('standardwebhooks'));
    } catch {
        return t.skip('the npm package standardwebhooks is not installed');
    }
    for (const scheme of ['auto', 'standard']) {
        const server = await startServer(t, { args: ['--secret', PREFIXED, '--verify', scheme] });
        const client = new Webhook(PREFIXED);
        for (let i = 0; i < 10; i++) {
            const body = uniqueEvent('ünïcode');
            const id = `msg_client-${scheme}-${i}`;
            const at = new Date();
            const headers = headersOf(id, Math.floor(at / 1000), client.sign(id, at, body));
            assertStored(await server.post(body, headers));
            // A retry is signed anew, with the time of its attempt.
            const later = new Date(at.getTime() + 5000);
            assertDuplicate(await server.post(body, headersOf(id, Math.floor(later / 1000), client.sign(id, later, body))));
            assertError(await server.post(`${body} `, headers), 401, 'signature_invalid');
        }
        const other = new Webhook(`whsec_${Buffer.from('another secret of 24 bytes').toString('base64')}`);
        const at = new Date();
        const forged = headersOf('msg_forged', Math.floor(at / 1000), other.sign('msg_forged', at, '{}'));
        assertError(await server.post('{}', forged), 401, 'signature_invalid');
        assert.equal((await exportEvents(server.data)).length, 10);
        await server.stop();
    }
});

test('Ed25519 signatures', async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const args = ['--secret', `whpk_${raw.toString('base64')}`, '--verify', 'standard'];
    const server = await startServer(t, { args });
    const body = uniqueEvent();
    const signed = (text) => `v1a,${sign(null, Buffer.from(`msg_ed.${at}.${text}`), privateKey).toString('base64')}`;
    const at = now();
    assertError(await server.post(body, headersOf('msg_ed', at, signed(`${body} `))), 401, 'signature_invalid');
    assertStored(await server.post(body, headersOf('msg_ed', at, signed(body))));
});

test('wrong, missing and malformed signatures are refused and nothing is stored', async (t) => {
    const server = await startServer(t, { args: ['--secret', PLAIN] });
    const body = uniqueEvent();
    const good = composio(PLAIN, body);
    for (const name of Object.keys(good)) {
        const headers = { ...good };
        delete headers[name];
        const answer = await server.post(body, headers);
        assertError(answer, 401, 'signature_missing');
        assert.ok(answer.json.error.message.includes(name), `names ${name}: ${answer.json.error.message}`);
    }
    assertError(await server.post(body), 401, 'signature_missing');
    assertError(await server.post(body, composio('another secret', body)), 401, 'signature_invalid');
    assertError(await server.post(`${body}\n`, good), 401, 'signature_invalid');
    assertError(await server.post(body, { ...good, 'webhook-id': 'msg_other' }), 401, 'signature_invalid');
    const malformed = ['v1', 'v1,', 'v1,!!!', good['webhook-signature'].slice(0, -4), 'v2,AAAA', 'v1a,AAAA', ','];
    for (const signature of malformed) {
        const answer = await server.post(body, { ...good, 'webhook-signature': signature });
        assert.equal(answer.status, 401, signature);
        assert.ok(!answer.text.includes(good['webhook-signature'].slice(3)), 'never says what would be right');
    }
    assert.deepEqual(await exportEvents(server.data), []);
    assertStored(await server.post(body, good));
});

test('several signatures in the header, several secrets: any match passes', async (t) => {
    const server = await startServer(t, { args: ['--secret', 'older-secret-00001', '--secret', PLAIN] });
    for (const secret of ['older-secret-00001', PLAIN]) {
        const body = uniqueEvent();
        assertStored(await server.post(body, composio(secret, body)));
    }
    const body = uniqueEvent();
    const good = composio(PLAIN, body);
    const crowd = `v0,x v1,AAAA v1a,BBBB ${good['webhook-signature']} v9,zz`;
    assertStored(await server.post(body, { ...good, 'webhook-signature': crowd }));
    assertError(await server.post('{}', composio('third-secret-000003', '{}')), 401, 'signature_invalid');

    const list = await startServer(t, { env: { FAIRLEAD_SECRET: `older-secret-00001,${PLAIN}` } });
    assertStored(await list.post('{}', composio(PLAIN, '{}')));
});

test('the tolerance goes to both sides, can be changed and switched off', async (t) => {
    const server = await startServer(t, { args: ['--secret', PLAIN] });
    const narrow = await startServer(t, { args: ['--secret', PLAIN, '--tolerance', '30s'] });
    const off = await startServer(t, { args: ['--secret', PLAIN, '--tolerance', '0'] });
    const send = (to, age) => {
        const body = uniqueEvent();
        return to.post(body, composio(PLAIN, body, now() - age));
    };
    for (const age of [0, 200, -200]) assertStored(await send(server, age));
    for (const age of [400, -400, 86400]) assertError(await send(server, age), 401, 'timestamp_out_of_range');
    assertStored(await send(narrow, 5));
    for (const age of [100, -100]) assertError(await send(narrow, age), 401, 'timestamp_out_of_range');
    for (const age of [0, 86400, -86400]) assertStored(await send(off, age));
    for (const text of ['soon', '', '1e9', '99999999999999999999', '-5', String(Date.now())]) {
        const body = uniqueEvent();
        const answer = await server.post(body, composio(PLAIN, body, text));
        assert.equal(answer.status, 401, text);
    }
    // Old and forged: the time is judged first, and nobody learns about the key.
    assertError(
        await server.post('{}', composio('wrong', '{}', now() - 4000)),
        401,
        'timestamp_out_of_range',
    );
});

test('verify none accepts everything; without a secret events are marked as not checked', async (t) => {
    for (const args of [['--secret', PLAIN, '--verify', 'none'], []]) {
        const server = await startServer(t, { args });
        assertStored(await server.post(uniqueEvent(), headersOf('msg_any', 5, 'v1,nonsense')));
        const [event] = await exportEvents(server.data);
        assert.doesNotMatch(event.head, /^:verified/m);
        await server.stop();
    }
});
