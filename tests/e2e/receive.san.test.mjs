// Receiving as interface.md section 2 promises it, and the life of the process around it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
    RawConnection,
    assertDuplicate,
    assertError,
    assertStored,
    bodyOf,
    exportEvents,
    fairlead,
    flood,
    pythonDumps,
    rawPost,
    sample,
    startServer,
    temporaryDirectory,
    uniqueEvent,
    until,
} from './harness.mjs';

const JSON_TYPE = { 'content-type': 'application/json' };

test("the page's sample is accepted, recognised, printed, stored and exported", async (t) => {
    const server = await startServer(t, { args: ['--print', 'pretty', '--no-auth'] });
    const enveloped = sample('page-sample.json');
    const inner = sample('page-sample-body.json');
    assert.deepEqual(JSON.parse(enveloped).event.body, JSON.parse(inner));
    assertStored(await server.post(enveloped));
    assertStored(await server.post(inner));

    const expected = [enveloped, inner].map((bytes) => `${JSON.stringify(JSON.parse(bytes), null, 2)}\n`);
    const all = expected.join('');
    await server.waitFor('both printed', () => server.stdout.length >= all.length);
    assert.equal(server.stdout, all);
    const python = pythonDumps(enveloped);
    if (python === null) t.diagnostic('no python3: not compared with json.dumps() itself');
    else assert.equal(expected[0], python);

    const metrics = await server.request({ path: '/metrics' });
    assert.match(metrics.text, /^fairlead_webhooks_total\{result="stored"\} 2$/m);

    const events = await exportEvents(server.data);
    assert.deepEqual(events.map(bodyOf), [enveloped, inner]);
    assert.deepEqual(events.map((event) => event.seq), [1, 2]);
    for (const event of events) {
        assert.match(event.id, /^sha256:/);
        assert.match(event.received_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(new Date(Math.floor(event.received_at_us / 1000)).toISOString(), event.received_at);
        assert.match(event.head, /^content-type: application\/json$/m);
    }
    await server.stop();
    assert.equal(server.stdout, all);
});

test('what is printed is what Python prints', async (t) => {
    const payload = Buffer.from(
        '{"text":"wörld \\u00e9 😀 \\ud83d\\ude00 \\u0000 \\/ \\" \\\\ \\b\\f\\n\\r\\t \u007f","empty":{},"none":[],' +
            '"list":[1,-2,3.50,1e3,1E-7,0.1,123456789012345678901234567890,-0,-0.0,1e22,1e16,123456.789e3],' +
            '"nested":{"a":[[],[{}],[[1]]]},"null":null,"true":true,"false":false,"":"empty name"}',
    );
    const python = pythonDumps(payload);
    if (python === null) return t.skip('no python3 to compare with');
    const server = await startServer(t, { args: ['--print', 'pretty'] });
    assertStored(await server.post(payload));
    await server.waitFor('printed', () => server.stdout.endsWith('\n}\n'));
    assert.equal(server.stdout, python);
    assert.deepEqual((await exportEvents(server.data)).map(bodyOf), [payload]);
});

test('one line for each event when nobody looks', async (t) => {
    const server = await startServer(t);
    for (const name of ['page-sample.json', 'v3-connected-account-expired.json', 'v1-trigger-message.json'])
        assertStored(await server.post(sample(name)));
    assertStored(await server.post('{"anything":"else\\nsecond line"}'));
    await server.waitFor('four lines', () => server.stdout.split('\n').length === 5);
    const lines = server.stdout.split('\n');
    assert.match(lines[0], /#1 connected_account\.add\.start slack dummy-connected-account-id-67890 unverified$/);
    assert.match(lines[1], /#2 composio\.connected_account\.expired gmail ca_Cd56 tenant-9 unverified$/);
    assert.match(lines[2], /#3 /);
    assert.match(lines[3], /#4 other unverified$/);
});

test('every shape of the platform is stored, unknown ones too', async (t) => {
    const server = await startServer(t, { args: ['--no-auth'] });
    const names = fs.readdirSync(new URL('../data', import.meta.url)).filter((name) => name.endsWith('.json'));
    assert.ok(names.length >= 8);
    for (const name of names) assertStored(await server.post(sample(name)));
    const odd = [
        '{}',
        ' \t\r\n{"type":7,"data":[]} ',
        '{"type":"connected_account.","timestamp":null}',
        '{"n":1e400,"big":123456789012345678901234567890}',
        '{"nul":"a\\u0000b"}',
        '{"lone":"\\ud800"}',
        '{"twice":1,"twice":2}',
        `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`,
    ];
    for (const body of odd) assertStored(await server.post(body));
    const events = await exportEvents(server.data);
    assert.deepEqual(events.map(bodyOf), [...names.map(sample), ...odd.map((text) => Buffer.from(text))]);
});

test('a retry is a duplicate: by webhook-id, otherwise by its bytes; also after a restart', async (t) => {
    let server = await startServer(t, { args: ['--path', '/hooks/in'] });
    const { data } = server;
    const send = (body, headers) => server.post(body, headers, { path: '/hooks/in' });
    const body = uniqueEvent();
    assertStored(await send(body));
    assertDuplicate(await send(body));
    assertStored(await send(`${body} `));
    assertStored(await send(body, { 'webhook-id': 'msg_1' }));
    assertDuplicate(await send(uniqueEvent(), { 'webhook-id': 'msg_1' }));
    assertStored(await send(body, { 'webhook-id': 'msg_2' }));
    const before = await exportEvents(data);
    assert.deepEqual(before.map((event) => event.id).slice(2), ['msg_1', 'msg_2']);

    for (const end of ['stop', 'kill']) {
        await server[end]();
        server = await startServer(t, { data, args: ['--path', '/hooks/in'] });
        assertDuplicate(await send(body));
        assertDuplicate(await send('{}', { 'webhook-id': 'msg_2' }));
    }
    assert.deepEqual(await exportEvents(data), before);
});

test('many copies at the same time are stored once', async (t) => {
    const server = await startServer(t);
    const bodies = Array.from({ length: 20 }, () => uniqueEvent());
    const queue = bodies.flatMap((body) => Array(10).fill(body));
    const answers = [];
    await flood(server.url, {
        connections: 20,
        next: () => queue.shift() ?? null,
        onAnswer: (_, answer) => answers.push(answer.text),
    });
    assert.equal(answers.length, 200);
    assert.equal(answers.filter((text) => text === '{"success":true}').length, 20);
    assert.equal(answers.filter((text) => text === '{"success":true,"duplicate":true}').length, 180);
    assert.equal((await exportEvents(server.data)).length, 20);
});

test('targets in absolute form, as proxies write them, and an empty content type', async (t) => {
    const server = await startServer(t);
    const connection = await RawConnection.open(t, server.url);
    for (const origin of ['http://example.com', 'HTTP://example.com:5000', 'https://[::1]']) {
        await connection.write(rawPost(uniqueEvent(), {}, `${origin}/webhook`));
        assertStored(await connection.answer());
        await connection.write(`GET ${origin}/healthz HTTP/1.1\r\nhost: x\r\n\r\n`);
        assert.equal((await connection.answer()).status, 200);
    }
    await connection.write('POST http://example.com HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
    assert.equal((await connection.answer()).status, 404);
    await connection.write('POST ftp://example.com/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
    assert.equal((await connection.answer()).status, 404);
    await connection.write(rawPost(uniqueEvent(), { 'content-type': '' }));
    assertStored(await connection.answer());
});

test('content types', async (t) => {
    const server = await startServer(t);
    const good = ['application/json', 'Application/JSON; charset=utf-8', 'application/cloudevents+json', undefined];
    for (const type of good) {
        const headers = type === undefined ? {} : { 'content-type': type };
        const options = { method: 'POST', path: '/webhook', headers, body: uniqueEvent() };
        assertStored(await server.request(options));
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'text/json+json', 'json'])
        assertError(await server.post(uniqueEvent(), { 'content-type': type }), 415, 'unsupported_media_type');
});

test('methods and paths', async (t) => {
    const server = await startServer(t);
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
        const answer = await server.request({ method, path: '/webhook' });
        assertError(answer, 405, 'method_not_allowed');
        assert.equal(answer.headers.allow, 'POST');
    }
    const head = await server.request({ method: 'HEAD', path: '/webhook' });
    assert.equal(head.status, 405);
    assert.equal(head.headers.allow, 'POST');
    assert.equal(head.text, '');
    for (const target of ['/', '/webhook/', '/webhooks', '/WEBHOOK', '/webhook%00', '//webhook', '/a/../webhook2']) {
        const connection = await RawConnection.open(t, server.url);
        await connection.write(rawPost(uniqueEvent(), {}, target));
        assertError(await connection.answer(target), 404, 'not_found');
    }
    assertError(await server.request({ path: '/nothing' }), 404, 'not_found');
    const posted = await server.post(uniqueEvent(), {}, { path: '/healthz' });
    assertError(posted, 405, 'method_not_allowed');
    assert.match(posted.headers.allow, /\bGET\b/);
    assertStored(await server.post(uniqueEvent(), {}, { path: '/webhook?source=test' }));
    assert.equal((await exportEvents(server.data)).length, 1);
});

test('bodies that are no JSON object', async (t) => {
    const server = await startServer(t);
    const invalid = ['', ' ', '{', '{"a":1,}', "{'a':1}", '{"a":01}', '{"a":NaN}', '{"a":1}{"b":2}', '{"a":"\t"}', '\ufeff{}'];
    for (const body of invalid) assertError(await server.post(body), 400, 'invalid_json');
    const located = await server.post('{\n  "a": 1,\n  "b": tru\n}');
    assertError(located, 400, 'invalid_json');
    assert.match(located.json.error.message, /line 3\b.*column \d+/);
    for (const body of ['[]', '[{}]', '"text"', '1', 'null', 'true']) {
        assertError(await server.post(body), 400, 'not_an_object');
    }
    assert.deepEqual(await exportEvents(server.data), []);
});

test('checks come in the documented order: method, size, type, signature, JSON', async (t) => {
    const server = await startServer(t, { args: ['--max-body', '1000', '--secret', 'test-secret-local-0001'] });
    const large = 'x'.repeat(1001);
    const text = { 'content-type': 'text/plain' };
    assertError(await server.post(large, text, { method: 'PUT' }), 405, 'method_not_allowed');
    assertError(await server.post(large, text), 413, 'body_too_large');
    assertError(await server.post('x', text), 415, 'unsupported_media_type');
    assertError(await server.post('x'), 401, 'signature_missing');
    assert.deepEqual(await exportEvents(server.data), []);
});

test('the size limit counts bytes, and the last one allowed passes', async (t) => {
    const server = await startServer(t, { args: ['--max-body', '1KiB'] });
    const filled = (size) => {
        const empty = uniqueEvent('size', { filler: '' });
        return uniqueEvent('size', { filler: 'x'.repeat(size - Buffer.byteLength(empty)) }).padEnd(size);
    };
    assertStored(await server.post(filled(1024)));
    const answer = await server.post(filled(1025));
    assertError(answer, 413, 'body_too_large');
    assert.match(answer.json.error.message, /1024|1 ?KiB/);
});

test('health, readiness, metrics', async (t) => {
    const server = await startServer(t);
    for (const target of ['/healthz', '/readyz']) {
        const answer = await server.request({ path: target });
        assert.equal(answer.status, 200, answer.text);
        assert.ok(answer.json);
    }
    const refused = await server.request({ path: '/metrics' });
    assertError(refused, 401, 'unauthorized');
    assert.match(refused.headers['www-authenticate'], /^Bearer/);
    assert.equal(fs.statSync(path.join(server.data, 'admin-token')).mode & 0o777, 0o600);
    assert.equal(fs.statSync(server.data).mode & 0o777, 0o700);
    assert.ok(!server.stderr.includes(server.token), 'the token is not logged');

    const authorized = (token) => server.request({ path: '/metrics', headers: { authorization: `Bearer ${token}` } });
    assertError(await authorized(`${server.token}x`), 401, 'unauthorized');
    assertStored(await server.post(uniqueEvent()));
    const before = Math.floor(Date.now() / 1000) - 120;
    const metrics = await authorized(server.token);
    assert.equal(metrics.status, 200);
    assert.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4/);
    const value = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics.text)?.[1]);
    assert.equal(value('fairlead_webhooks_total\\{result="stored"\\}'), 1);
    assert.equal(value('fairlead_ack_seconds_count'), 1);
    assert.ok(value('fairlead_commit_seconds_count') >= 1);
    assert.equal(value('fairlead_commit_batch_records_sum'), 1);
    assert.equal(value('fairlead_journal_seq'), 1);
    assert.ok(value('fairlead_journal_bytes') > 0);
    assert.ok(value('fairlead_last_webhook_timestamp_seconds') > before);
    assert.match(metrics.text, /^fairlead_build_info\{.*version="\d+\.\d+/m);
    assert.match(metrics.text, /^process_resident_memory_bytes \d/m);
    for (const line of metrics.text.trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) |[a-z_]+(\{.*\})? \S+$)/);
});

test('--no-auth opens metrics; --admin-token replaces the file', async (t) => {
    const open = await startServer(t, { args: ['--no-auth'] });
    assert.equal((await open.request({ path: '/metrics' })).status, 200);
    const own = await startServer(t, { env: { FAIRLEAD_ADMIN_TOKEN: 'a-token-of-my-own-0001' } });
    const headers = { authorization: 'Bearer a-token-of-my-own-0001' };
    assert.equal((await own.request({ path: '/metrics', headers })).status, 200);
    assertError(await own.request({ path: '/metrics' }), 401, 'unauthorized');
});

test('SIGTERM: what was received is stored and answered, the exit status is 0', async (t) => {
    const server = await startServer(t);
    const bodies = Array.from({ length: 60 }, () => uniqueEvent('term'));
    const connections = [];
    for (const body of bodies) {
        const connection = await RawConnection.open(t, server.url);
        await connection.write(rawPost(uniqueEvent('before')));
        assertStored(await connection.answer());
        connections.push({ connection, body });
    }
    const idle = await RawConnection.open(t, server.url);
    // Stopped, the process finds all the requests and the signal at once when it goes on.
    process.kill(server.pid, 'SIGSTOP');
    await until('stopped', () => / T /.test(fs.readFileSync(`/proc/${server.pid}/stat`, 'utf8')));
    await Promise.all(connections.map(({ connection, body }) => connection.write(rawPost(body))));
    process.kill(server.pid, 'SIGTERM');
    process.kill(server.pid, 'SIGCONT');
    for (const { connection } of connections) assertStored(await connection.answer('the answer to a request in flight'));
    await idle.closed('the idle connection');
    await server.stop();
    const stored = new Set((await exportEvents(server.data)).map((event) => event.body));
    for (const body of bodies) assert.ok(stored.has(body));
});

test('SIGINT under load: every 200 is stored, the exit status is 0', async (t) => {
    const server = await startServer(t);
    const acknowledged = [];
    const others = [];
    await flood(server.url, {
        connections: 30,
        next: () => uniqueEvent('int'),
        onAnswer: (body, answer) => {
            if (answer.status === 200) acknowledged.push(body);
            else others.push(answer);
            if (acknowledged.length === 300) process.kill(server.pid, 'SIGINT');
        },
    });
    // Impatient: again and again until it is gone.
    while (!server.ended) {
        server.child.kill('SIGINT');
        await new Promise((resolve) => setImmediate(resolve));
    }
    await server.stop('SIGINT');
    for (const answer of others) assertError(answer, 503, 'stopping');
    const stored = (await exportEvents(server.data)).map((event) => event.body);
    assert.equal(new Set(stored).size, stored.length);
    for (const body of acknowledged) assert.ok(stored.includes(body));
});

test('SIGHUP reads the secrets again, and keeps the old ones when the file is wrong', async (t) => {
    const directory = temporaryDirectory(t);
    const config = path.join(directory, 'fairlead.ini');
    const write = (text) => fs.writeFileSync(config, text);
    write('verify = none\nsecret = first-secret-000001\n');
    const server = await startServer(t, { args: ['--config', config] });
    assertStored(await server.post(uniqueEvent()));

    write('verify = composio\nsecret = second-secret-000002\n');
    process.kill(server.pid, 'SIGHUP');
    await server.waitForLog(/reloaded secrets/);
    assertError(await server.post(uniqueEvent()), 401, 'signature_missing');
    const { signatures } = (await server.request({ path: '/api/v1/status', headers: { authorization: `Bearer ${server.token}` } })).json;
    assert.deepEqual(signatures, { checked: true, scheme: 'composio', secrets: 1 });

    write('verify = none\nno-such-option = 1\n');
    process.kill(server.pid, 'SIGHUP');
    const [line] = await server.waitForLog(/.*not reloaded.*/);
    assert.match(line, /fairlead\.ini:2/);
    assertError(await server.post(uniqueEvent()), 401, 'signature_missing');
    assert.ok(!server.stderr.includes('second-secret'), 'no secret in the log');
});

test('a second process on the same data directory is refused and told who holds it', async (t) => {
    const server = await startServer(t);
    const second = await fairlead(['serve', '--listen', '127.0.0.1:0', '--data', server.data]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`\\b${server.pid}\\b`));
    assert.ok(second.stderr.includes(server.data), second.stderr);
    assertStored(await server.post(uniqueEvent()));
    await server.kill();
    const next = await startServer(t, { data: server.data });
    assertStored(await next.post(uniqueEvent()));
});

test('a port that is taken is refused in one sentence', async (t) => {
    const server = await startServer(t);
    const listen = server.url.replace('http://', '');
    const data = path.join(temporaryDirectory(t), 'data');
    const second = await fairlead(['serve', '--listen', listen, '--data', data]);
    assert.equal(second.code, 1);
    assert.ok(second.stderr.includes(listen), second.stderr);
});

test('wrong usage: exit 2, naming the option and what is allowed', async (t) => {
    const directory = temporaryDirectory(t);
    const cases = [
        [['--max-bodi', '1'], /max-bodi.*max-body/s],
        [['--max-body', 'many'], /--max-body.*many/],
        [['--print', 'loud'], /--print.*loud.*pretty.*line.*none/s],
        [['--tolerance', 'soon'], /--tolerance.*soon/],
        [['--path', 'webhook'], /--path/],
        [['--verify', 'composio'], /--secret/],
        [['--tls-cert', 'x.pem'], /--tls-key/],
        [['--listen', 'nowhere', '--data', 'elsewhere'], /nowhere/],
        [['operand'], /operand/],
    ];
    for (const [args, sentence] of cases) {
        const result = await fairlead(['serve', ...args], { cwd: directory });
        assert.equal(result.code, 2, `${args}: ${result.stderr}`);
        assert.match(result.stderr, sentence);
    }
    const result = await fairlead(['serve'], { cwd: directory, env: { FAIRLEAD_MAX_BODY: '-1' } });
    assert.equal(result.code, 2);
    assert.match(result.stderr, /FAIRLEAD_MAX_BODY/);
    assert.deepEqual(fs.readdirSync(directory), [], 'nothing is made before the options are right');
});

test('a configuration file: precedence, --check, errors with their line', async (t) => {
    const directory = temporaryDirectory(t);
    const config = path.join(directory, 'fairlead.ini');
    const check = async (text, ...more) => {
        fs.writeFileSync(config, text);
        return fairlead(['serve', '--check', '--config', config, ...more], { cwd: directory });
    };
    const fine = await check('# comment\nmax-body = 2MiB\n\nsecret = one\nsecret = two\nprint = none\n');
    assert.equal(fine.code, 0, fine.stderr);
    assert.deepEqual(fs.readdirSync(directory), ['fairlead.ini'], '--check makes nothing');

    const wrong = [
        ['print = line\n\nmax-bodi = 1\n', /fairlead\.ini:3: .*max-bodi.*max-body/s],
        ['max-body = lots\n', /fairlead\.ini:1: .*max-body.*lots/s],
        ['print = line\nthis is no key\n', /fairlead\.ini:2/],
        ['[server]\nprint = line\n', /fairlead\.ini:\d/],
        ['log-level = loud\n', /debug.*info.*warn.*error/s],
    ];
    for (const [text, sentence] of wrong) {
        const result = await check(text);
        assert.equal(result.code, 2, text);
        assert.match(result.stderr, sentence);
    }
    const missing = await fairlead(['serve', '--check', '--config', path.join(directory, 'none.ini')]);
    assert.notEqual(missing.code, 0);
    assert.match(missing.stderr, /none\.ini/);
    const badSecret = await check('verify = standard\nsecret = not!base64!but!secret\n');
    assert.equal(badSecret.code, 2);
    assert.ok(!badSecret.stderr.includes('not!base64'), 'a secret is never repeated');

    // file 100, environment 200, command line 300
    fs.writeFileSync(config, 'max-body = 100\nprint = none\n');
    const limits = [
        [{}, [], 100],
        [{ FAIRLEAD_MAX_BODY: '200' }, [], 200],
        [{ FAIRLEAD_MAX_BODY: '200' }, ['--max-body=300'], 300],
    ];
    for (const [env, args, limit] of limits) {
        const server = await startServer(t, { env: { FAIRLEAD_CONFIG: config, ...env }, args });
        assertStored(await server.post('{}'.padEnd(limit)));
        assertError(await server.post('{}'.padEnd(limit + 1)), 413, 'body_too_large');
    }
});

test('the log is text or JSON, and holds neither bodies nor secrets', async (t) => {
    const server = await startServer(t, {
        args: ['--log-format', 'json', '--log-level', 'debug', '--secret', 'never-to-be-logged-1', '--verify', 'auto'],
    });
    await server.post('{"marker":"never-in-the-log"}', { 'webhook-id': 'm', ...JSON_TYPE });
    await server.stop();
    const lines = server.stderr.trimEnd().split('\n');
    assert.ok(lines.length >= 2);
    for (const line of lines) assert.equal(typeof JSON.parse(line), 'object');
    assert.doesNotMatch(server.stderr, /never-in-the-log|never-to-be-logged/);
});
