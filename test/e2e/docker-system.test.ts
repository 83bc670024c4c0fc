/** The Docker Engine API beside the native one: whose requests are whose, its second socket, statistics over both. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '../harness/client.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

const BUSY = ['sh', '-c', 'while :; do :; done'];

let folder: string;
let socket: string;
let daemon: TestDaemon;
let docker: Client;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tare-docker-'));
  socket = join(folder, 'docker.sock');
  daemon = await TestDaemon.open({ args: ['--docker-socket', socket] });
  docker = new Client(socket);
});
after(async () => {
  docker.close();
  await daemon.close();
  await rm(folder, { recursive: true, force: true });
});

test('both APIs answer on the socket of the daemon, Docker’s alone on the other', async () => {
  for (const client of [daemon.client, docker]) {
    const ping = await client.send('GET', '/_ping');
    assert.deepEqual([ping.status, ping.body, ping.headers['api-version']], [200, 'OK', '1.51']);
    assert.equal((await client.send('GET', '/v1.41/version')).status, 200);
  }
  assert.equal((await daemon.client.send('GET', '/v1/ping')).status, 200);
  const native = await docker.send<{ message: string }>('GET', '/v1/ping');
  assert.deepEqual([native.status, native.body], [404, { message: 'page not found' }]);
});

test('an upgrade for which there is no route is answered, and the connection ends', async () => {
  for (const path of ['/nothing', '/v1.41/containers/absent/attach', '/v1/nothing']) {
    const answer = await daemon.client.send('POST', path, undefined, { connection: 'Upgrade', upgrade: 'tcp' });
    assert.equal(answer.status, 404, path);
    assert.equal(answer.headers.connection, 'close');
  }
});

test('what a container uses, once and each second, over both APIs and the CLI', async () => {
  const id = await daemon.create(BUSY, { name: 'busy' });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const once = JSON.parse(await daemon.client.must<string>('GET', `/v1/containers/${id}/stats`)) as {
    running: boolean;
    cpu: { usage: number };
    pids: { current: number };
  };
  assert.ok(once.running && once.cpu.usage > 0 && once.pids.current >= 1);
  const two = await docker.must<{ precpu_stats: { cpu_usage: { total_usage: number } }; name: string }>(
    'GET',
    `/containers/${id}/stats?stream=false`,
  );
  assert.ok(two.precpu_stats.cpu_usage.total_usage > 0);
  assert.equal(two.name, '/busy');
  const shown = await daemon.cli(['stats', '--no-stream', '--format', '{{.Name}} {{.CPUPerc}}', 'busy']);
  assert.match(shown.stdout, /^busy [0-9.]+%\n$/, shown.stderr);
  const stream = await docker.open('GET', `/containers/${id}/stats`);
  const pieces: string[] = [];
  stream.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece));
  await until('two came', () => pieces.join('').split('\n').length > 2);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  // it ends with the container
  await until('it ended', () => stream.readableEnded);
  assert.equal(stream.errored, null);
});

test('a daemon that starts again takes its second socket over', async () => {
  await daemon.end('SIGKILL');
  assert.ok(existsSync(socket));
  await daemon.start();
  // the daemon's own comes first
  const answers = async (): Promise<boolean> => {
    try {
      return (await docker.send('GET', '/_ping')).status === 200;
    } catch {
      return false;
    }
  };
  await until('the second answers', answers);
});
