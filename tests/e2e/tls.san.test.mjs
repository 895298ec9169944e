// HTTPS with a certificate of one's own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
    RawConnection,
    assertError,
    assertStored,
    exportEvents,
    fairlead,
    hasProgram,
    rawPost,
    sample,
    startServer,
    temporaryDirectory,
    uniqueEvent,
} from './harness.mjs';

function makeCertificate(directory, name) {
    const cert = path.join(directory, `${name}.pem`);
    const key = path.join(directory, `${name}.key`);
    const made = spawnSync('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
        ...['-keyout', key, '-out', cert],
    ]);
    assert.equal(made.status, 0, made.stderr.toString());
    return { cert, key };
}

const needsOpenssl = hasProgram('openssl') ? false : 'openssl is not installed';

test('webhooks over TLS', { skip: needsOpenssl }, async (t) => {
    const { cert, key } = makeCertificate(temporaryDirectory(t), 'own');
    const server = await startServer(t, { args: ['--tls-cert', cert, '--tls-key', key] });
    assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    const ca = fs.readFileSync(cert);
    assertStored(await server.post(sample('page-sample.json'), {}, { ca }));
    const large = uniqueEvent('tls', { filler: 'x'.repeat(900_000) });
    assertStored(await server.post(large, {}, { ca }));
    assertError(await server.post('x'.repeat(1024 * 1024 + 1), {}, { ca }), 413, 'body_too_large');
    const parallel = Array.from({ length: 40 }, () => server.post(uniqueEvent('tls'), {}, { ca }));
    for (const answer of await Promise.all(parallel)) assertStored(answer);
    await assert.rejects(server.post(uniqueEvent()), /self.signed/i, 'the client checks the certificate');

    // What speaks no TLS, or stops in the middle of the handshake, is closed and harms nobody.
    for (const bytes of [rawPost(uniqueEvent()), Buffer.from('16030100050100', 'hex'), Buffer.alloc(5000, 0xff)]) {
        const connection = await RawConnection.open(t, server.url);
        await connection.write(bytes);
        connection.end();
        await connection.closed();
    }
    const health = await server.request({ path: '/healthz', ca });
    assert.equal(health.status, 200);
    assert.equal((await exportEvents(server.data)).length, 42);
    await server.stop();
});

test('a silent peer is closed after the time for headers', { skip: needsOpenssl }, async (t) => {
    const { cert, key } = makeCertificate(temporaryDirectory(t), 'own');
    const args = ['--tls-cert', cert, '--tls-key', key, '--header-timeout', '300ms'];
    const server = await startServer(t, { args });
    const connection = await RawConnection.open(t, server.url);
    await connection.closed();
    assertStored(await server.post(uniqueEvent(), {}, { ca: fs.readFileSync(cert) }));
});

test('files that are missing or do not belong together are refused', { skip: needsOpenssl }, async (t) => {
    const directory = temporaryDirectory(t);
    const one = makeCertificate(directory, 'one');
    const two = makeCertificate(directory, 'two');
    const serve = (cert, key) =>
        fairlead(['serve', '--listen', '127.0.0.1:0', '--data', path.join(directory, 'data'), '--tls-cert', cert, '--tls-key', key]);
    const missing = await serve(path.join(directory, 'none.pem'), one.key);
    assert.notEqual(missing.code, 0);
    assert.match(missing.stderr, /none\.pem/);
    for (const [cert, key] of [[one.cert, two.key], [one.key, one.cert], ['/dev/null', one.key]]) {
        const result = await serve(cert, key);
        assert.notEqual(result.code, 0, `${cert} with ${key}`);
        assert.match(result.stderr, /tls|cert/i);
    }
});
