/**
 * docker-compose 1.29 of Debian brings up docker-compose.dev.yml of this repository on tare: a copy of the checkout is
 * built in the container, and the daemon in it runs containers for the host's CLI.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '../harness/client.ts';
import { run, type Finished } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { BASE } from './docker-api/images.ts';
import { Engine } from './docker-api/engine.ts';

const TOP = join(import.meta.dirname, '../..');
const HIERARCHIES = '/sys/fs/cgroup';
/** What `npm ci` makes, and what it does without. */
const NOT_COPIED = new Set(['.git', 'node_modules', 'build', 'dist', 'test', 'docs']);

/**
 * Stands for node's image, of which nothing is fetched: programs are this machine's own, by the mounts of OVERRIDE.
 * Its npm takes the packages of this checkout instead of a registry's, and runs the script after them as npm does.
 */
const IMAGE = 'node:24-bookworm';
const NPM = `#!/bin/sh
set -e
[ "$*" = ci ] || { echo "npm: only ci is known here" >&2; exit 1; }
rm -rf node_modules/* node_modules/.bin
ln -s /opt/node_modules/* /opt/node_modules/.bin node_modules/
eval "$(node --print 'require("./package.json").scripts.postinstall')"
`;
const OVERRIDE = {
  services: {
    tared: {
      volumes: [
        '/usr:/usr:ro',
        '/etc/alternatives:/etc/alternatives:ro',
        `${join(TOP, 'node_modules')}:/opt/node_modules:ro`,
      ],
    },
  },
};

let engine: Engine;
let checkout: string;
let command: string;
let inner: Client;
/** The control group of all containers of the daemon in the container. */
let parent: string;
before(async () => {
  engine = await Engine.open('tare');
  const { folder } = engine.room;
  checkout = join(folder, 'tare');
  const override = join(folder, 'override.json');
  const files = ['-f', join(checkout, 'docker-compose.dev.yml'), '-f', override];
  const words = ['timeout', '200', 'docker-compose', '--ansi', 'never', ...files];
  command = engine.room.tool('compose', words, { DOCKER_HOST: `unix://${engine.socket}` });
  inner = new Client(join(checkout, 'build/dev-run/tare.sock'));
  // JSON is YAML.
  writeFileSync(override, JSON.stringify(OVERRIDE));
  mkdirSync(checkout);
  for (const name of readdirSync(TOP)) {
    if (!NOT_COPIED.has(name)) cpSync(join(TOP, name), join(checkout, name), { recursive: true });
  }
  const path = 'ENV PATH=/opt/bin:/usr/sbin:/usr/bin';
  const { code, stderr } = await engine.docker('import', '--change', path, writeImage(folder), IMAGE);
  assert.equal(code, 0, stderr);
});
after(async () => {
  inner.close();
  // Also where a test failed the daemon in the container ends by itself: its groups are the machine's.
  await run(command, ['down', '--volumes', '--timeout', '60']);
  await engine.close();
});

/** An archive of a root with nothing but npm, node, and the places of the mounts. */
function writeImage(folder: string): string {
  const root = join(folder, 'image');
  for (const name of ['dev', 'etc', 'opt/bin', 'proc', 'sys', 'tmp', 'usr', 'var/lib']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(root, name));
  writeFileSync(join(root, 'opt/bin/npm'), NPM);
  chmodSync(join(root, 'opt/bin/npm'), 0o755);
  symlinkSync('../node_modules/node/bin/node', join(root, 'opt/bin/node'));
  const archive = join(folder, 'image.tar');
  execFileSync('tar', ['-C', root, '-cf', archive, '.']);
  return archive;
}

async function compose(...args: string[]): Promise<string> {
  const finished = await run(command, args);
  assert.equal(finished.code, 0, `${args.join(' ')}: ${finished.stdout}${finished.stderr}`);
  return finished.stdout;
}

/** The host's CLI, as the file says it. */
const tare = (...args: string[]): Promise<Finished> =>
  run(join(TOP, 'bin/tare'), args, { env: { TARE_HOST: `unix://${inner.socket}` } });

/** Where a control group is, of all hierarchies that this machine has. */
const groupsOfHost = (group: string): string[] =>
  ['', ...readdirSync(HIERARCHIES)].map((name) => join(HIERARCHIES, name, group)).filter((path) => existsSync(path));

/** What the container wrote; it may not end meanwhile, nor be started again. */
async function log(): Promise<string> {
  const at = '/v1.41/containers/tare_tared_1';
  const { body: text } = await engine.client.send<string>('GET', `${at}/logs?stdout=1&stderr=1`);
  const { body } = await engine.client.send<{ State: { Status: string }; RestartCount: number }>('GET', `${at}/json`);
  const { State: state, RestartCount: restarts } = body;
  assert.deepEqual({ status: state.Status, restarts }, { status: 'running', restarts: 0 }, text);
  return text;
}

test('up: the checkout is built and its daemon answers on the host', async () => {
  await compose('up', '--detach');
  await until('the daemon in the container answers', async () => (await log()).includes('tared answers'), 90);
  assert.equal((await inner.send('GET', '/v1/version')).status, 200);
  assert.match(await compose('ps'), /tare_tared_1 .* Up/);
  assert.match(await compose('logs'), /^tared_1 +\| .*tared answers/m);
});

test('the daemon in the container runs containers', async () => {
  const loaded = await tare('load', '--input', engine.images.path);
  assert.equal(loaded.code, 0, loaded.stderr);
  const { code, stdout, stderr } = await tare('run', '--rm', BASE, 'sh', '-c', 'echo inside; exit 7');
  assert.deepEqual({ code, stdout }, { code: 7, stdout: 'inside\n' }, stderr);
  const served = await tare('run', '--detach', '--name', 'web', '--memory', '64m', BASE, 'httpd', '-f', '-h', '/etc');
  assert.equal(served.code, 0, served.stderr);
  const fetch = 'until wget -qO- http://web/group; do sleep 0.05; done';
  const fetched = await tare('run', '--rm', BASE, 'timeout', '60', 'sh', '-c', fetch);
  assert.match(fetched.stdout, /^root:x:0:/, fetched.stderr);
  assert.match((await tare('ps')).stdout, /web/);
  const { cgroup } = (await inner.send<{ cgroup: { parent: string } }>('GET', '/v1/info')).body;
  parent = cgroup.parent;
  assert.ok(groupsOfHost(join(parent, served.stdout.trim())).length > 0);
  assert.equal((await tare('rm', '--force', 'web')).code, 0);
});

test('down: the daemon ends by itself, and nothing is left', async () => {
  await compose('stop', '--timeout', '60');
  assert.match(await compose('ps'), /tare_tared_1 .* Exit 0/);
  assert.equal(existsSync(inner.socket), false);
  assert.deepEqual(groupsOfHost(parent), []);
  await compose('down', '--volumes');
  const { body } = await engine.client.send<unknown[]>('GET', '/v1.41/containers/json?all=1');
  assert.deepEqual(body, []);
  assert.equal((await engine.docker('volume', 'ls', '--quiet')).stdout, '');
});
