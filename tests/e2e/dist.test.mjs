// The release tarball: whoever builds from it needs neither Node nor npm, and has the dashboard, unless it is not wanted.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { request, ROOT, startServer, temporaryDirectory } from './harness.mjs';

const run = promisify(execFile);
const inRepository = fs.existsSync(path.join(ROOT, '.git'));
const changed = inRepository && (await run('git', ['status', '--porcelain', '--', 'web'], { cwd: ROOT })).stdout !== '';

/** A directory with every program of this machine but Node and what comes with it. */
function programsWithoutNode(t) {
    const directory = temporaryDirectory(t);
    for (const from of process.env.PATH.split(':')) {
        if (!fs.existsSync(from)) continue;
        for (const name of fs.readdirSync(from)) {
            const link = path.join(directory, name);
            if (!/^(node|nodejs|npm|npx|corepack)$/.test(name) && !fs.existsSync(link)) fs.symlinkSync(path.join(from, name), link);
        }
    }
    return directory;
}

async function unpack(t) {
    const directory = temporaryDirectory(t);
    await run(path.join(ROOT, 'tools/dist'), [directory]);
    const [tarball] = fs.readdirSync(directory);
    assert.equal(tarball, `fairlead-${fs.readFileSync(path.join(ROOT, 'VERSION'), 'utf8').trim()}.tar.gz`);
    await run('tar', ['-xzf', tarball], { cwd: directory });
    return path.join(directory, tarball.replace('.tar.gz', ''));
}

const skip = !inRepository ? 'not a git repository' : changed && 'web/ has changes that are not committed';

test('builds without npm and serves the dashboard; with FAIRLEAD_DASHBOARD=no there is none', { skip }, async (t) => {
    const tree = await unpack(t);
    const env = { ...process.env, PATH: programsWithoutNode(t), CMAKE_ARGS: '-DFAIRLEAD_BENCH=OFF -DCMAKE_C_FLAGS_RELEASE=-O1' };
    const build = (more) => run('nice', ['tools/build', 'release', 'fairlead'], { cwd: tree, env: { ...env, ...more } });
    // As the harness starts it, but the program that was just built.
    const start = (name) => startServer(t, { memory: true, prefix: ['sh', '-c', `shift; exec "${path.join(tree, 'build/release/fairlead')}" "$@"`, name] });

    await build({});
    const server = await start('with');
    const page = await request(server.url, { path: '/' });
    assert.match(page.headers['content-type'], /^text\/html/);
    const [, script] = page.text.match(/src="(assets\/app-[0-9a-f]+\.js)"/);
    assert.equal((await request(server.url, { path: `/${script}` })).status, 200);
    await server.stop();

    await build({ FAIRLEAD_DASHBOARD: 'no' });
    const bare = await start('without');
    const words = await request(bare.url, { path: '/' });
    assert.match(words.headers['content-type'], /^text\/plain/);
    assert.match(words.text, /built without the dashboard/);
    assert.equal((await request(bare.url, { path: `/${script}` })).status, 404);
});
