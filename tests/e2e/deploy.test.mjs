// What is under deploy/, held against the real program: metrics that exist, a unit that systemd takes, paths and packages.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BINARY, ROOT, assertStored, fairlead, hasProgram, startServer, temporaryDirectory, uniqueEvent, until } from './harness.mjs';
import { missing, parseExposition } from './promql.mjs';

const PROMTOOL = path.join(ROOT, 'build/tools/promtool');
const needsPromtool = fs.existsSync(PROMTOOL) ? false : 'promtool is not there: tools/setup tools';
const needs = (program) => (hasProgram(program) ? false : `${program} is not installed`);
const deploy = (name) => path.join(ROOT, 'deploy', name);
const read = (name) => fs.readFileSync(path.join(ROOT, name), 'utf8');

function run(program, args, options = {}) {
    const result = spawnSync(program, args, { encoding: 'utf8', ...options });
    assert.ifError(result.error);
    return result;
}

/** The metrics page of a server that has seen a connection completed, and knows one app. */
async function metricsPage(t) {
    const server = await startServer(t, { args: ['--no-auth', '--print', 'none'] });
    const event = JSON.parse(uniqueEvent());
    assertStored(await server.post(JSON.stringify(event)));
    event.type = 'connected_account.add.completed';
    event.timestamp = '2026-05-04T10:00:20.120Z';
    assertStored(await server.post(JSON.stringify(event)));
    return until('the read model', async () => {
        const { text } = await server.request({ path: '/metrics' });
        return /^fairlead_connections_completed_total\{.*\} 1$/m.test(text) ? text : null;
    });
}

/** The alerts of a rule file written as ours: name, expression. */
function alertsOf(text) {
    const alerts = [];
    for (const part of text.split(/^ *- alert: /m).slice(1)) {
        const inline = /^ *expr: (?!\|)(.*)$/m.exec(part);
        const block = /^( *)expr: \|\n((?:\1 +.*\n)+)/m.exec(part);
        assert.ok(inline || block, part);
        alerts.push({ name: /^\w+/.exec(part)[0], expression: inline ? inline[1] : block[2] });
    }
    return alerts;
}

test('promql.mjs sees what is missing', () => {
    const exposed = parseExposition('a_total{app="x",result="ok"} 1\nb 2\nc_bucket{le="0.1"} 3\n');
    const cases = [
        ['sum by (app) (rate(a_total{job="j",result="ok"}[5m])) > 0.5 * b and time() - b offset 1d > 3', []],
        ['histogram_quantile(0.9, sum by (le) (rate(c_bucket{instance=~"$instance"}[$__rate_interval])))', []],
        ['rate(a_total[5m]) / nothing', ['no metric nothing']],
        ['a_total{result="bad"}', ['a_total has no result="bad"']],
        ['a_total{result=~"ok|bad"}', ['a_total has no result="bad"']],
        ['b{app=~"$app"}', ['b has no label app']],
        ['sum by (app) (b)', ['none of its metrics has a label app']],
        ['vector(1)', ['asks for no metric']],
    ];
    for (const [expression, expected] of cases) assert.deepEqual(missing(expression, exposed), expected, expression);
});

test('alerts and dashboard use only metrics, labels and values that a server has', async (t) => {
    const page = await metricsPage(t);
    const exposed = parseExposition(page);
    const alerts = alertsOf(read('deploy/prometheus/alerts.yml'));
    assert.ok(alerts.length >= 10);
    for (const { name, expression } of alerts) assert.deepEqual(missing(expression, exposed), [], name);

    const dashboard = JSON.parse(read('deploy/grafana/fairlead.json'));
    const used = new Set();
    for (const panel of dashboard.panels.filter((each) => each.type !== 'row')) {
        assert.ok(panel.targets.length > 0 && panel.description, panel.title);
        for (const { expr, legendFormat } of panel.targets) {
            assert.deepEqual(missing(expr, exposed), [], panel.title);
            for (const [name] of expr.matchAll(/\b(fairlead|process)_\w+/g)) used.add(name.replace(/_(bucket|sum|count)$/, ''));
            for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
                assert.ok(expr.includes(label) || label === 'instance', `${panel.title}: legend {{${label}}}`);
            }
        }
    }
    for (const { expr } of dashboard.annotations.list) assert.deepEqual(missing(expr, exposed), []);
    for (const { type, query } of dashboard.templating.list) {
        if (type !== 'query') continue;
        const [, name, label] = /^label_values\((\w+), (\w+)\)$/.exec(query.query);
        assert.ok(exposed.has(name) && (label === 'instance' || exposed.get(name).has(label)), query.query);
    }
    const own = [...page.matchAll(/^# TYPE (fairlead_\w+)/gm)].map(([, name]) => name);
    assert.deepEqual(own.filter((name) => !used.has(name)), [], 'each of our metrics is on the dashboard');
});

test('the dashboard is sound: its rows, one data source by variable, nothing on top of another', () => {
    const { panels, templating } = JSON.parse(read('deploy/grafana/fairlead.json'));
    const rows = panels.filter((each) => each.type === 'row').map((each) => each.title);
    assert.deepEqual(rows, ['Receiving', 'Storage', 'Connections', 'Read model and process']);
    assert.equal(new Set(panels.map((each) => each.id)).size, panels.length);
    assert.ok(templating.list.some((each) => each.type === 'datasource' && each.name === 'datasource'));
    const taken = new Set();
    for (const { title, type, gridPos, datasource, targets } of panels) {
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
            for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
                assert.ok(x < 24 && !taken.has(`${x} ${y}`), `${title} at ${x} ${y}`);
                taken.add(`${x} ${y}`);
            }
        }
        if (type === 'row') continue;
        for (const each of [datasource, ...targets.map((target) => target.datasource)]) assert.equal(each.uid, '${datasource}', title);
    }
});

test('each alert has a test, and a line in docs/operations.md', () => {
    const tests = read('deploy/prometheus/alerts_test.yml');
    const operations = read('docs/operations.md');
    const names = alertsOf(read('deploy/prometheus/alerts.yml')).map((each) => each.name);
    for (const name of names) {
        assert.ok(tests.includes(`alertname="${name}"`), `${name} is not in alerts_test.yml`);
        assert.ok(operations.includes(`| ${name} |`), `${name} is not in operations.md`);
    }
    const told = [...operations.matchAll(/^\| (Fairlead\w+) \|/gm)].map(([, name]) => name);
    assert.deepEqual(told, names, 'no others, in the same order');
});

test('promtool takes the rules, their tests, and the metrics', { skip: needsPromtool }, async (t) => {
    for (const args of [['check', 'rules', deploy('prometheus/alerts.yml')], ['test', 'rules', deploy('prometheus/alerts_test.yml')]]) {
        const result = run(PROMTOOL, args);
        assert.equal(result.status, 0, result.stdout + result.stderr);
    }
    const result = run(PROMTOOL, ['check', 'metrics'], { input: await metricsPage(t) });
    assert.equal(result.status, 0, result.stdout + result.stderr);
    assert.equal(result.stdout + result.stderr, '');
});

/** The unit as it is, but with programs that are here. */
function unitFile(t, change = (text) => text) {
    const directory = temporaryDirectory(t);
    const file = path.join(directory, 'fairlead.service');
    const text = read('deploy/fairlead.service').replaceAll('/usr/local/bin/fairlead', BINARY).replaceAll('/bin/kill', BINARY);
    fs.writeFileSync(file, change(text));
    return file;
}

test('systemd takes the unit, and thinks little of its exposure', { skip: needs('systemd-analyze') }, (t) => {
    const verify = (file) => run('systemd-analyze', ['verify', '--man=no', file]);
    const good = verify(unitFile(t));
    assert.equal(good.status, 0, good.stderr);
    assert.equal(good.stderr, '');
    assert.notEqual(verify(unitFile(t, (text) => text.replace('Type=notify', 'Type=notfy'))).stderr, '');
    const exposure = (file) => run('systemd-analyze', ['security', '--offline=true', '--threshold=15', file]).status;
    assert.equal(exposure(unitFile(t)), 0, 'at most 1.5 of 10');
    assert.notEqual(exposure(unitFile(t, (text) => text.replace(/^SystemCall.*$/gm, ''))), 0);
});

test('the configuration beside the unit is one, and the user is made', { skip: needs('systemd-sysusers') }, async () => {
    const checked = await fairlead(['serve', '--config', deploy('fairlead.ini'), '--check']);
    assert.equal(checked.code, 0, checked.stderr);
    assert.match(read('deploy/fairlead.service'), /^User=fairlead$/m);
    const users = run('systemd-sysusers', ['--dry-run', deploy('fairlead.sysusers')]);
    assert.equal(users.status, 0, users.stderr);
});

/** The system calls that the unit's SystemCallFilter lines allow, by systemd's own sets. */
function allowedCalls() {
    const sets = new Map();
    let members;
    for (const line of run('systemd-analyze', ['syscall-filter']).stdout.split('\n')) {
        if (line.startsWith('@')) sets.set(line.trim(), (members = []));
        else if (/^ +[^# ]/.test(line)) members?.push(line.trim());
        else if (line && !line.startsWith(' ')) members = undefined;
    }
    const expand = (name) => (name.startsWith('@') ? sets.get(name).flatMap(expand) : [name]);
    const allowed = new Set();
    for (const [, not, list] of read('deploy/fairlead.service').matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
        for (const call of list.split(' ').flatMap(expand)) {
            if (not) allowed.delete(call);
            else allowed.add(call);
        }
    }
    return allowed;
}

const canTrace = () => hasProgram('strace') && spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const needsStrace = canTrace() ? needs('systemd-analyze') : 'strace is not installed, or may not trace';

test('the unit allows every system call that serving takes', { skip: needsStrace }, async (t) => {
    const log = path.join(temporaryDirectory(t), 'trace');
    const prefix = ['strace', '-D', '-f', '-o', log];
    const server = await startServer(t, { prefix, args: ['--no-auth'], env: { NOTIFY_SOCKET: '/nowhere/x', WATCHDOG_USEC: '100000' } });
    for (let i = 0; i < 20; i++) assertStored(await server.post(uniqueEvent()));
    for (const target of ['/metrics', '/api/v1/events', '/api/v1/status', '/readyz']) {
        assert.equal((await server.request({ path: target })).status, 200, target);
    }
    server.child.kill('SIGHUP');
    await server.waitForLog(/reloaded/);
    await server.stop();
    const text = await until('the end of the trace', () => {
        const written = fs.readFileSync(log, 'utf8');
        return new RegExp(`^${server.pid} +\\+\\+\\+ exited`, 'm').test(written) ? written : null;
    });
    const used = new Set([...text.matchAll(/^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)/gm)].map(([, call]) => call));
    assert.ok(used.size > 30 && used.has('fdatasync') && used.has('setpriority'), [...used].join(' '));
    const allowed = allowedCalls();
    // SQLite gives files that root makes to the directory's owner; the service is not root.
    if (process.getuid() === 0) used.delete('fchown');
    assert.deepEqual([...used].filter((call) => !allowed.has(call)), []);
});

/** [[INSTRUCTION, rest]…] with continued lines joined. */
function containerSteps() {
    return read('deploy/Containerfile')
        .replace(/^#.*\n/gm, '')
        .replace(/\\\n/g, ' ')
        .split('\n')
        .filter(Boolean)
        .map((line) => /^([A-Z]+) +(.*)$/.exec(line).slice(1));
}

test('the container file: instructions, stages, paths, options', async () => {
    const known = ['FROM', 'RUN', 'COPY', 'USER', 'WORKDIR', 'VOLUME', 'EXPOSE', 'ENV', 'HEALTHCHECK', 'STOPSIGNAL', 'ENTRYPOINT', 'CMD'];
    const configuration = read('docs/configuration.md');
    const stages = [];
    for (const [instruction, rest] of containerSteps()) {
        assert.ok(known.includes(instruction), instruction);
        if (instruction === 'FROM') stages.push(/^debian:12-slim(?: AS (\w+))?$/.exec(rest)[1]);
        if (instruction === 'RUN' && stages.length === 1) {
            for (const [script] of rest.matchAll(/\btools\/\w+/g)) fs.accessSync(path.join(ROOT, script), fs.constants.X_OK);
        }
        if (instruction === 'COPY') {
            const [, from, list] = /^(?:--from=(\w+) )?(.*)$/.exec(rest);
            const sources = list.split(' ').slice(0, -1);
            if (from) assert.ok(stages.slice(0, -1).includes(from), `stage ${from}`);
            // What a stage hands on, it has built under its WORKDIR /source, as this test's own build has.
            for (const source of sources) fs.accessSync(path.join(ROOT, from ? source.replace(/^\/source\//, '') : source));
        }
        if (instruction === 'ENV') {
            for (const pair of rest.split(' ')) assert.ok(configuration.includes(`\`${pair.split('=')[0]}\``), pair);
        }
    }
    assert.equal(stages.length, 2);
    const users = containerSteps().filter(([instruction]) => instruction === 'USER');
    assert.match(users.at(-1)[1], /^[1-9]\d*:[1-9]\d*$/, 'not root, by number');
    const ignored = read('.containerignore').trim().split('\n');
    for (const name of ['.git', 'build', 'fairlead-data']) assert.ok(ignored.includes(name), name);
});

test('the container has the libraries that the program is linked with, and no others', { skip: needs('dpkg') }, () => {
    const needed = [...run('objdump', ['-p', BINARY]).stdout.matchAll(/NEEDED +(\S+)/g)].map(([, name]) => name);
    const packages = new Set();
    for (const [, name, file] of run('ldd', [BINARY]).stdout.matchAll(/(\S+) => (\S+)/g)) {
        if (needed.includes(name)) packages.add(run('dpkg', ['-S', fs.realpathSync(file)]).stdout.split(':')[0]);
    }
    packages.delete(''); // the C library's, which dpkg knows under another path
    packages.delete('libc6');
    assert.ok(packages.size >= 5, [...packages].join(' '));
    const install = containerSteps().find(([instruction, rest]) => instruction === 'RUN' && rest.includes('apt-get install'))[1];
    const listed = /install -y --no-install-recommends +(.*?) +&&/.exec(install)[1].split(/ +/);
    assert.deepEqual(listed.sort(), [...packages, 'ca-certificates'].sort());
});

test('the health check of the container tells a server from none', { skip: needs('bash') }, async (t) => {
    const check = containerSteps().find(([instruction]) => instruction === 'HEALTHCHECK')[1];
    const command = JSON.parse(/ CMD (\[.*\])$/.exec(check)[1]);
    const server = await startServer(t);
    const { port } = new URL(server.url);
    assert.ok(command[2].includes('/127.0.0.1/5000'));
    const health = () => run(command[0], [command[1], command[2].replace('/5000', `/${port}`)]).status;
    assert.equal(health(), 0);
    await server.stop();
    assert.notEqual(health(), 0);
});
