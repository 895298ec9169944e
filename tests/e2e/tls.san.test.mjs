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

test('send and doctor check a certificate of an own authority', { skip: needsOpenssl }, async (t) => {
    const directory = temporaryDirectory(t);
    const { cert, key } = makeCertificate(directory, 'own');
    const server = await startServer(t, { args: ['--tls-cert', cert, '--tls-key', key] });
    const untrusted = await fairlead(['send', '--url', server.url]);
    assert.equal(untrusted.code, 1);
    assert.match(untrusted.stderr, /certificate.*--cacert/s);
    const trusted = await fairlead(['send', '--url', server.url, '--cacert', cert]);
    assert.equal(trusted.code, 0, trusted.stderr);
    const noFile = await fairlead(['send', '--url', server.url, '--cacert', path.join(directory, 'none.pem')]);
    assert.equal(noFile.code, 1);
    assert.match(noFile.stderr, /none\.pem/);

    const listen = server.url.replace('https://', '');
    const doctor = async (...args) => {
        const result = await fairlead(['doctor', '--json', '--data', server.data, '--listen', listen, ...args]);
        return JSON.parse(result.stdout).checks.find(({ check }) => check === 'server');
    };
    const own = ['--tls-cert', cert, '--tls-key', key];
    assert.match((await doctor(...own)).message, /is running/);
    assert.match((await doctor('--url', server.url, '--cacert', cert)).message, /is running/);
    const stranger = await doctor('--url', server.url);
    assert.equal(stranger.result, 'fail');
    assert.match(stranger.message, /certificate/);
    const other = makeCertificate(directory, 'other');
    const unknown = await doctor('--tls-cert', other.cert, '--tls-key', other.key);
    assert.equal(unknown.result, 'warn');
    assert.match(unknown.message, /certificate/);
    assert.doesNotMatch(unknown.message, /taken/);
});

// In hundredths of a second, as Linux counts them for everybody.
const processorTime = (pid) => {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return Number(fields[11]) + Number(fields[12]);
};

test('a handshake that stands still costs next to nothing', { skip: needsOpenssl }, async (t) => {
    const { cert, key } = makeCertificate(temporaryDirectory(t), 'own');
    const server = await startServer(t, { args: ['--tls-cert', cert, '--tls-key', key, '--header-timeout', '3s'] });
    const before = processorTime(server.pid);
    const connection = await RawConnection.open(t, server.url);
    await connection.write(Buffer.from('1603010005', 'hex'));
    await connection.closed();
    const spent = processorTime(server.pid) - before;
    t.diagnostic(`${spent} hundredths of a second in 3 s`);
    assert.ok(spent < 100, `${spent} hundredths of a second`);
    await server.stop();
});
