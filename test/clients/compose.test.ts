/** docker-compose 1.29 of Debian against tare: three services from up to down. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run, type Finished } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { BASE } from './docker-api/images.ts';
import { Engine } from './docker-api/engine.ts';

const FILE = {
  version: '2.4',
  services: {
    store: {
      image: BASE,
      command: ['sh', '-c', 'echo kept > /data/kept; trap "exit 0" TERM; touch /ready; while :; do sleep 0.05; done'],
      volumes: ['data:/data'],
      networks: ['back'],
      healthcheck: { test: ['CMD', 'test', '-e', '/ready'], interval: '300ms', timeout: '5s', retries: 100 },
    },
    web: {
      build: '.',
      depends_on: { store: { condition: 'service_healthy' } },
      volumes: ['data:/www/data:ro'],
      networks: ['front', 'back'],
      ports: ['80'],
    },
    worker: {
      image: BASE,
      init: true,
      command: ['sh', '-c', 'wget -qO- http://web/data/kept; exec sleep 1000'],
      depends_on: ['web'],
      volumes: ['shared:/shared'],
      networks: ['back'],
    },
  },
  networks: { front: {}, back: { internal: true } },
};

const DOCKERFILE = `FROM ${BASE}\nRUN mkdir /www && echo served > /www/index.html\nCMD ["httpd", "-f", "-h", "/www"]\n`;

let engine: Engine;
let command: string;
/** A directory of the host that a volume is. */
let device: string;
before(async () => {
  engine = await Engine.open('tare');
  const folder = join(engine.room.folder, 'project');
  mkdirSync(folder);
  device = engine.hostPath('shared', 'device');
  mkdirSync(device);
  writeFileSync(join(device, 'file'), 'of the host');
  const shared = { driver: 'local', driver_opts: { type: 'none', o: 'bind', device } };
  // JSON is YAML.
  writeFileSync(join(folder, 'docker-compose.yml'), JSON.stringify({ ...FILE, volumes: { data: {}, shared } }));
  writeFileSync(join(folder, 'Dockerfile'), DOCKERFILE);
  const words = ['timeout', '100', 'docker-compose', '--ansi', 'never', '-f', join(folder, 'docker-compose.yml')];
  command = engine.room.tool('compose', words, { DOCKER_HOST: `unix://${engine.socket}` });
});
after(() => engine.close());

async function compose(...args: string[]): Promise<Finished> {
  const finished = await run(command, args);
  assert.equal(finished.code, 0, `${args.join(' ')}: ${finished.stdout}${finished.stderr}`);
  return finished;
}

const running = async (service: string): Promise<string[]> =>
  (await compose('ps', '--quiet', service)).stdout.split('\n').filter((id) => id !== '');

const names = async (...args: string[]): Promise<string[]> =>
  (await engine.docker(...args, '--format', '{{.Name}}')).stdout
    .split('\n')
    .filter((name) => name !== '')
    .sort();

test('up: what others wait for is healthy, one is built, names are found', async () => {
  await compose('up', '--detach');
  const table = (await compose('ps')).stdout;
  assert.match(table, /project_store_1 .* Up \(healthy\)/);
  assert.match(table, /project_web_1 .* Up +0\.0\.0\.0:[0-9]+->80\/tcp/);
  assert.match(table, /project_worker_1 .* Up/);
  const port = (await compose('port', 'web', '80')).stdout.trim();
  const { stdout } = await engine.room.run('busybox', 'wget', '-qO-', `http://127.0.0.1:${port.split(':')[1] ?? ''}/`);
  assert.equal(stdout, 'served\n');
  await until('the worker has read it', async () =>
    /^worker_1 +\| kept$/m.test((await compose('logs', 'worker')).stdout),
  );
});

test('up again leaves what is as it was; more of one, and fewer', async () => {
  const [web] = await running('web');
  await compose('up', '--detach', '--scale', 'worker=3');
  assert.equal((await running('worker')).length, 3);
  assert.deepEqual(await running('web'), [web]);
  await compose('up', '--detach', '--scale', 'worker=1');
  assert.equal((await running('worker')).length, 1);
});

test('one that is made anew has its volumes still, also one that is a directory of the host', async () => {
  const [before] = await running('worker');
  await compose('exec', '-T', 'worker', 'touch', '/shared/made');
  await compose('up', '--detach', '--no-deps', '--force-recreate', '--timeout', '30', 'worker');
  const [now] = await running('worker');
  assert.notEqual(now, before);
  assert.equal((await compose('exec', '-T', 'worker', 'ls', '/shared')).stdout, 'file\nmade\n');
});

test('exec, restart, logs', async () => {
  assert.equal((await compose('exec', '-T', 'web', 'wget', '-qO-', 'http://localhost/')).stdout, 'served\n');
  const failed = await run(command, ['exec', '-T', 'worker', 'sh', '-c', 'exit 9']);
  assert.equal(failed.code, 9);
  const [id] = await running('worker');
  await compose('restart', '--timeout', '30', 'worker');
  assert.deepEqual(await running('worker'), [id]);
  await until('it has run twice', async () => {
    const { stdout } = await compose('logs', '--tail=2', 'worker');
    return stdout.match(/\| kept$/gm)?.length === 2;
  });
});

test('down leaves nothing', async () => {
  const networks = (await names('network', 'ls')).filter((name) => !name.startsWith('project_'));
  await compose('down', '--volumes', '--timeout', '1', '--rmi', 'local');
  const { body } = await engine.client.send<unknown[]>('GET', '/v1.41/containers/json?all=1');
  assert.deepEqual(body, []);
  assert.deepEqual(await names('network', 'ls'), networks);
  assert.deepEqual(await names('volume', 'ls'), []);
  assert.deepEqual(readdirSync(device).sort(), ['file', 'made'], "what is the host's stays");
  assert.doesNotMatch((await engine.docker('images')).stdout, /project_web/);
});
