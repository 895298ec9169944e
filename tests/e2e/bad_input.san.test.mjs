// Input that no good sender makes: each gets its documented answer or is closed, nothing of it is stored that should not be, and a
// well-behaved sender beside all of it is served as if it were alone.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';

import {
    RawConnection,
    assertError,
    assertServedWell,
    assertStored,
    bodyOf,
    chance,
    exportEvents,
    rawPost,
    request,
    startGoodSender,
    startServer,
    uniqueEvent,
} from './harness.mjs';

const MAX_BODY = 64 * 1024;
const DRAINED = 8 * 1024 * 1024; // a refused body is read up to here before the connection is closed
const SECRET = 'test-secret-local-0001';
// A sender that closes its side together with its last byte may be noticed only when its time is over.
const SHORT_TIMES = ['--header-timeout', '2s', '--body-timeout', '2s', '--idle-timeout', '2s'];

// An event with this in it must never be stored.
const REFUSED = 'must-be-refused';
const refused = () => uniqueEvent(REFUSED);

const chunk = (bytes) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')]);
const CHUNKED = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
const chunkedPost = (chunks, headers = {}) =>
    Buffer.concat([rawPost('', { ...CHUNKED, ...headers }), ...chunks.map(chunk), Buffer.from('0\r\n\r\n')]);

/** The server with the short time limits, the good sender beside it, and the events that were acknowledged. */
async function withServer(t, options, run) {
    const server = await startServer(t, { memory: true, stdout: 'ignore', ...options });
    const good = await startGoodSender(t, server.url, { secret: options.secret });
    const acknowledged = [];
    const one = async (bytes, { end = false } = {}) => {
        const connection = await RawConnection.open(t, server.url);
        await connection.write(bytes);
        if (end) connection.end();
        const answer = await connection.answer();
        return { connection, answer };
    };
    await run({ server, acknowledged, one });
    const result = await good.stop();
    assertServedWell(t, result);
    const stored = (await exportEvents(server.data)).map((event) => bodyOf(event).toString());
    assert.equal(new Set(stored).size, stored.length, 'nothing is stored twice');
    for (const body of acknowledged) assert.ok(stored.includes(String(body)), 'what was acknowledged is stored');
    assert.deepEqual(stored.filter((body) => body.includes(REFUSED)), []);
    assert.ok(stored.filter((body) => body.includes('"good-')).length === result.sent);
    await server.stop();
}

/** Every case on a connection of its own at the same time. */
const atOnce = (cases, run) => Promise.all(cases.map(run));

/** Nothing but a refusal: an error of the client's making, or the end of the connection. */
function assertRefusedOrClosed(answer, what) {
    if (answer === null) return;
    assert.ok([400, 408, 411, 413, 414, 431, 501, 505].includes(answer.status), `${what}: ${answer.status} ${answer.text}`);
}

test('sizes, framing, bytes', async (t) => {
    const args = ['--max-body', String(MAX_BODY), ...SHORT_TIMES];
    await withServer(t, { args }, async ({ server, acknowledged, one }) => {
        await t.test('over the limit, with Content-Length: 413, and the connection lives on', async () => {
            const { connection, answer } = await one(rawPost(refused().padEnd(MAX_BODY + 1)));
            assertError(answer, 413, 'body_too_large');
            const body = uniqueEvent();
            await connection.write(rawPost(body));
            assertStored(await connection.answer());
            acknowledged.push(body);
        });

        await t.test('far over the limit: 413 before the body, then closed', async () => {
            const headers = { 'content-length': 100 * 2 ** 30 };
            const { connection, answer } = await one(rawPost(refused(), headers));
            assertError(answer, 413, 'body_too_large');
            await connection.closed();
        });

        await t.test('over the limit, and the sender asks first: 413 instead of 100', async () => {
            const headers = { 'content-length': MAX_BODY + 1, expect: '100-continue' };
            const { answer } = await one(rawPost('', headers));
            assertError(answer, 413, 'body_too_large');
        });

        await t.test('within the limit, and the sender asks first', async () => {
            const body = uniqueEvent();
            const connection = await RawConnection.open(t, server.url);
            await connection.write(rawPost('', { 'content-length': Buffer.byteLength(body), expect: '100-continue' }));
            await connection.write(body);
            assertStored(await connection.answer());
            acknowledged.push(body);
        });

        await t.test('over the limit in chunks: 413', async () => {
            const pieces = Array.from({ length: 5 }, () => Buffer.alloc(MAX_BODY / 4, ' '));
            const { connection, answer } = await one(chunkedPost([refused(), ...pieces]));
            assertError(answer, 413, 'body_too_large');
            const body = uniqueEvent();
            await connection.write(chunkedPost([body]));
            assertStored(await connection.answer());
            acknowledged.push(body);
        });

        await t.test('chunks without an end: closed after a limit', async () => {
            const connection = await RawConnection.open(t, server.url);
            await connection.write(rawPost('', CHUNKED));
            const piece = chunk(Buffer.alloc(256 * 1024, 'x'));
            let sent = 0;
            while (sent < 8 * DRAINED && !connection.isClosed) {
                if (!(await connection.write(piece))) break;
                sent += piece.length;
            }
            await connection.closed();
            assert.ok(sent < 8 * DRAINED, `still open after ${sent} bytes`);
        });

        await t.test('exactly the limit', async () => {
            for (const post of [rawPost, (body) => chunkedPost([body])]) {
                const body = uniqueEvent().padEnd(MAX_BODY);
                assertStored((await one(post(body))).answer);
                acknowledged.push(body);
            }
        });

        await t.test('truncated: closed, not stored', async () => {
            const whole = rawPost(refused());
            const parts = [
                whole.subarray(0, 10),
                whole.subarray(0, 60),
                whole.subarray(0, whole.length - 1),
                chunkedPost([refused()]).subarray(0, -5),
                chunkedPost([refused()]).subarray(0, -40),
            ];
            await atOnce(parts, async (bytes) => {
                const { connection, answer } = await one(bytes, { end: true });
                assertRefusedOrClosed(answer, 'truncated');
                await connection.closed();
                const gone = await RawConnection.open(t, server.url);
                await gone.write(bytes);
                gone.socket.resetAndDestroy();
            });
        });

        await t.test('slow: one byte per second is closed or told 408', async () => {
            const whole = rawPost(refused());
            const start = whole.indexOf('\r\n\r\n') + 4;
            const chunks = chunkedPost([refused()]);
            const slow = async (bytes, fast) => {
                const connection = await RawConnection.open(t, server.url);
                await connection.write(bytes.subarray(0, fast));
                let at = fast;
                const pace = setInterval(() => connection.write(bytes.subarray(at, (at += 1))), 1000);
                try {
                    const answer = await connection.answer('a limit for the slow', 30_000);
                    assert.ok(answer === null || answer.status === 408, `${answer?.status} ${answer?.text}`);
                    await connection.closed();
                    assert.ok(at < bytes.length);
                } finally {
                    clearInterval(pace);
                }
            };
            await Promise.all([
                slow(whole, 0), // says nothing for a second, then letter by letter
                slow(whole, 30), // in the headers
                slow(whole, start), // before the body
                slow(whole, start + 20), // in the body
                slow(chunks, chunks.indexOf('\r\n\r\n') + 10),
                slow(rawPost('x'.repeat(MAX_BODY + 1)), start), // in a body that is refused already
            ]);
            const metrics = await server.request({ path: '/metrics', headers: { authorization: `Bearer ${server.token}` } });
            assert.match(metrics.text, /^fairlead_webhooks_total\{result="timeout"\} 3$/m, 'whose headers were complete');
            const problems = await server.request({ path: '/api/v1/refused', headers: { authorization: `Bearer ${server.token}` } });
            assert.equal(JSON.parse(problems.text).items.filter((each) => each.code === 'timeout').length, 3);
        });

        await t.test('never reads its answers', async () => {
            const connection = await RawConnection.open(t, server.url);
            connection.socket.pause();
            const many = Buffer.concat(Array(2000).fill(Buffer.from('GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n')));
            for (let i = 0; i < 20; i++) connection.write(many);
            // Others are served meanwhile; this one is given up after a while, and resuming shows the end.
            for (let i = 0; i < 50; i++) assert.equal((await server.request({ path: '/healthz' })).status, 200);
            connection.socket.resume();
            connection.end();
            await connection.closed();
        });

        await t.test('in chunks, in pieces, pipelined: served, byte for byte', async () => {
            const inChunks = uniqueEvent('chünks');
            const bytes = Buffer.from(inChunks);
            const each = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
            assertStored((await one(chunkedPost(each))).answer);
            assertStored((await one(chunkedPost([bytes.subarray(0, 7), bytes.subarray(7)].map((b) => Buffer.concat([b, Buffer.from(' ')])), {}))).answer);
            acknowledged.push(inChunks);

            const inPieces = uniqueEvent('pieces');
            const connection = await RawConnection.open(t, server.url);
            for (const byte of rawPost(inPieces)) await connection.write(Buffer.from([byte]));
            assertStored(await connection.answer());
            acknowledged.push(inPieces);

            const first = uniqueEvent('pipelined');
            const last = uniqueEvent('pipelined');
            await connection.write(
                Buffer.concat([
                    rawPost(first),
                    rawPost('{'),
                    Buffer.from('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'),
                    rawPost(refused(), { 'content-type': 'text/plain' }),
                    chunkedPost(['[', ']']),
                    rawPost(first),
                    rawPost(last),
                ]),
            );
            const statuses = [];
            for (let i = 0; i < 7; i++) statuses.push((await connection.answer()).status);
            assert.deepEqual(statuses, [200, 400, 200, 415, 400, 200, 200]);
            acknowledged.push(first, last);
        });

        await t.test('a message with two ends: 400 or closed, and what follows is not a request', async () => {
            const body = refused();
            const length = Buffer.byteLength(body);
            const next = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
            const ambiguous = [
                `content-length: ${length}\r\ntransfer-encoding: chunked\r\n`,
                `transfer-encoding: chunked\r\ncontent-length: ${length}\r\n`,
                `content-length: ${length}\r\ncontent-length: ${length + 1}\r\n`,
                `content-length: ${length + 1}\r\ncontent-length: ${length}\r\n`,
                `content-length: 0\r\ncontent-length: ${length}\r\n`,
                `content-length: ${length}\r\ncontent-length: ${length}\r\n`,
                `content-length: ${length}, ${length}\r\n`,
                `content-length: +${length}\r\n`,
                `content-length: -${length}\r\n`,
                `content-length: 0x${length.toString(16)}\r\n`,
                `content-length: ${length}abc\r\n`,
                `content-length: 99999999999999999999999999\r\n`,
                `content-length: 18446744073709551617\r\n`,
                `content-length: \r\n`,
                `transfer-encoding: chunked, chunked\r\n`,
                `transfer-encoding: gzip, chunked\r\n`,
                `transfer-encoding: xchunked\r\n`,
                `transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n`,
                `transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n`,
            ];
            await atOnce(ambiguous, async (headers) => {
                const bytes = `POST /webhook HTTP/1.1\r\nhost: x\r\n${headers}\r\n${body}${next}`;
                const { connection, answer } = await one(bytes, { end: true });
                assertRefusedOrClosed(answer, JSON.stringify(headers));
                assert.equal(await connection.answer('the end'), null, `${JSON.stringify(headers)}: a second answer`);
            });
        });

        await t.test('headers that others may read otherwise: 400 at once, closed, and no second request', async () => {
            const next = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
            const odd = [
                `content-length : ${next.length}\r\n`,
                `content-length\t: ${next.length}\r\n`,
                `content-length: 2\r\nx-thing : 1\r\n`,
                `transfer-encoding : chunked\r\n`,
                `transfer-encoding: chunked, chunked\r\n`,
                `transfer-encoding: gzip, chunked\r\n`,
                `transfer-encoding: xchunked\r\n`,
                `transfer-encoding: gzip\r\n`,
                `transfer-encoding: identity\r\n`,
                `transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n`,
                `transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n`,
            ];
            await atOnce(odd, async (headers) => {
                const bytes = `POST /webhook HTTP/1.1\r\nhost: x\r\n${headers}\r\n${next}`;
                const { connection, answer } = await one(bytes);
                assertError(answer, 400, 'bad_request');
                assert.equal(await connection.answer('the end'), null, `${JSON.stringify(headers)}: a second answer`);
            });
        });

        await t.test('chunks that are none: 400 or closed', async () => {
            const head = rawPost('', CHUNKED).toString();
            const wrong = [
                'zz\r\n{}\r\n0\r\n\r\n',
                '-1\r\n{}\r\n0\r\n\r\n',
                'ffffffffffffffff\r\n{}\r\n0\r\n\r\n',
                'fffffffffffffffffffff\r\n{}\r\n0\r\n\r\n',
                '1\r\n{}\r\n0\r\n\r\n',
                `${'0'.repeat(100_000)}2\r\n{}\r\n0\r\n\r\n`,
                '\r\n\r\n\r\n',
            ];
            await atOnce(wrong, async (text) => {
                const { answer } = await one(head + text, { end: true });
                assertRefusedOrClosed(answer, JSON.stringify(text.slice(0, 40)));
            });
        });

        await t.test('headers: large ones are taken, huge ones told 431 or closed', async () => {
            const withHeader = (size, body) => rawPost(body, { 'x-large': 'h'.repeat(size) });
            for (const size of [1000, 4000, 7800]) {
                const body = uniqueEvent();
                assertStored((await one(withHeader(size, body))).answer);
                acknowledged.push(body);
            }
            for (const size of [8200, 10_000, 12_000]) {
                assertError((await one(withHeader(size, refused()))).answer, 431, 'headers_too_large');
            }
            for (const size of [16 * 1024, 64 * 1024, 200_000, 10_000_000]) {
                const { connection, answer } = await one(withHeader(size, refused()));
                assertRefusedOrClosed(answer, `a header of ${size} bytes`);
                await connection.closed();
            }
            const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`x-${i}`, 'v']));
            assertRefusedOrClosed((await one(rawPost(refused(), many))).answer, '20,000 headers');
            assertRefusedOrClosed((await one(rawPost(refused(), {}, `/webhook?${'q'.repeat(200_000)}`))).answer, 'a long target');
        });

        await t.test('requests that are malformed: refused or closed', async () => {
            const body = refused();
            const length = `content-length: ${Buffer.byteLength(body)}\r\n`;
            const wrong = [
                '\0\0\0\0\r\n\r\n',
                'POST\r\n\r\n',
                'POST /webhook\r\n\r\n',
                `POST /webhook HTTP/9.9\r\nhost: x\r\n${length}\r\n${body}`,
                `POST /webhook HTTP/1.1\r\nhost: x\r\n no-name\r\n${length.replace('content', 'c')}\r\n`,
                `POST /webhook HTTP/1.1\r\n${length.replace('-length:', '-length :')}\r\n${body}`,
                'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
                Buffer.from('160301020001000 1fc0303'.replace(' ', ''), 'hex'),
                `${'A'.repeat(100_000)} / HTTP/1.1\r\n\r\n`,
            ];
            await atOnce(wrong, async (bytes) => {
                const { connection } = await one(bytes, { end: true });
                await connection.closed();
            });
        });

        await t.test('HTTP/1.0 is answered and closed', async () => {
            const body = uniqueEvent();
            const head = `POST /webhook HTTP/1.0\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
            const { connection, answer } = await one(head + body);
            assertStored(answer);
            await connection.closed();
            acknowledged.push(body);
        });

        await t.test('bytes that are no UTF-8: 400', async () => {
            const sequences = ['ff', 'c080', 'c1bf', 'e0809f', 'eda080', 'f4908080', 'f88888808080', '80', 'c3', 'e282', 'f09f98'];
            for (const hex of sequences) {
                for (const around of [(b) => ['{"a":"', b, '"}'], (b) => ['{"', b, '":1}'], (b) => ['{}', b], (b) => [b, '{}']]) {
                    const bytes = Buffer.concat(around(Buffer.from(hex, 'hex')).map((part) => Buffer.from(part)));
                    const { connection, answer } = await one(rawPost(bytes));
                    assertError(answer, 400, 'invalid_json');
                    connection.destroy();
                }
            }
        });

        await t.test('10,000 deep, and deeper: 400', async () => {
            for (const [open, close] of [['{"a":', '}'], ['[', ']'], ['[', ''], ['[{"a":', '}]']]) {
                for (const depth of [10_000, Math.floor((MAX_BODY - 20) / (open.length + close.length))]) {
                    const body = `{"deep":${open.repeat(depth)}${close === '' ? '' : `1${close.repeat(depth)}`}}`;
                    if (body.length > MAX_BODY) continue;
                    const { answer } = await one(rawPost(body));
                    assertError(answer, 400, 'invalid_json');
                }
            }
        });

        await t.test('bodies that cost time to parse are answered like others', async () => {
            const fill = (unit, make) => make(unit.repeat(Math.floor((MAX_BODY - 40) / unit.length)));
            const costly = [
                fill('9', (digits) => `{"n":${digits}}`),
                fill('\\u0000', (escapes) => `{"s":"${escapes}"}`),
                fill('[],', (lists) => `{"l":[${lists}1]}`),
                `{${Array.from({ length: 4000 }, (_, i) => `"key${i}":${i}`).join()}}`,
                fill('"same":1,', (members) => `{${members}"last":2}`),
            ];
            for (const body of costly) {
                assertStored((await one(rawPost(body))).answer);
                acknowledged.push(body);
            }
        });

        await t.test('empty, a list, the wrong type', async () => {
            assertError((await one(rawPost(''))).answer, 400, 'invalid_json');
            assertError((await one(chunkedPost([]))).answer, 400, 'invalid_json');
            assertError((await one(rawPost('[]'))).answer, 400, 'not_an_object');
            const wrongType = rawPost(refused(), { 'content-type': 'text/plain' });
            assertError((await one(wrongType)).answer, 415, 'unsupported_media_type');
            // No length and no chunks: there is no body.
            assertError((await one(rawPost('', { 'content-length': undefined }))).answer, 400, 'invalid_json');
        });

        await t.test('random bytes, and requests with random faults', async (t) => {
            const random = chance(t);
            const noise = Array.from({ length: 150 }, () => random.bytes(random.between(1, 2000)));
            const faulty = Array.from({ length: 300 }, (_, i) => {
                const body = uniqueEvent('mutated');
                const bytes = i % 3 ? rawPost(body) : chunkedPost([body.slice(0, 50), body.slice(50)]);
                for (let n = random.between(1, 6); n > 0; n--) {
                    bytes[random.below(bytes.length)] = random.below(3) ? random.below(256) : 10 + 3 * random.below(2);
                }
                return bytes;
            });
            await atOnce([...noise, ...faulty], async (bytes) => {
                const { connection, answer } = await one(bytes, { end: true });
                assert.ok(answer === null || (answer.status >= 200 && answer.status < 600));
                await connection.closed(`closing after ${JSON.stringify(bytes.toString('latin1'))}`);
            });
            assert.equal((await request(server.url, { path: '/readyz' })).status, 200);
        });
    });
});

test('signatures and timestamps', async (t) => {
    const args = ['--secret', SECRET];
    await withServer(t, { args, secret: SECRET }, async ({ acknowledged, one }) => {
        let number = 0;
        const signed = (body, { secret = SECRET, age = 0, id = `msg_bad-${(number += 1)}` } = {}) => {
            const timestamp = Math.floor(Date.now() / 1000) - age;
            const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
            return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
        };
        const body = refused();
        const cases = [
            [rawPost(body), 'signature_missing'],
            [rawPost(body, signed(body, { secret: 'another' })), 'signature_invalid'],
            [rawPost(body, signed(`${body}x`)), 'signature_invalid'],
            [rawPost(body, signed(body, { age: 3600 })), 'timestamp_out_of_range'],
            [rawPost(body, signed(body, { age: -3600 })), 'timestamp_out_of_range'],
            [rawPost('not json', { ...signed(''), 'webhook-signature': 'v1,AAAA' }), 'signature_invalid'],
            [rawPost(body, { ...signed(body), 'webhook-signature': 'v1,AAAA '.repeat(900) }), 'signature_invalid'],
        ];
        for (const [bytes, code] of cases) {
            for (let i = 0; i < 10; i++) assertError((await one(bytes)).answer, 401, code);
        }
        const badJson = '{"a":';
        assertError((await one(rawPost(badJson, signed(badJson)))).answer, 400, 'invalid_json');
        const fine = uniqueEvent();
        assertStored((await one(rawPost(fine, signed(fine)))).answer);
        acknowledged.push(fine);
    });
});
