/** Health checks of real containers: what probes come to, what they cost, and what ends them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ContainerDetail } from '../../shared/api/container.ts';
import type { Event } from '../../shared/api/event.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { haveImage, makeImage } from '../harness/images.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const MS = 1e6;
const FAST = { interval: 50 * MS, timeout: 20_000 * MS, retries: 2 };

const inspect = (id: string) => daemon.client.must<ContainerDetail>('GET', `/v1/containers/${id}`);
const post = (path: string, body?: Record<string, unknown>) =>
  daemon.client.must('POST', `/v1/containers/${path}`, body);
const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
const inside = async (id: string, ...command: string[]): Promise<void> =>
  assert.equal((await daemon.cli(['exec', id, ...command])).code, 0);

async function started(healthcheck: Record<string, unknown>, request: Record<string, unknown> = {}): Promise<string> {
  const id = await daemon.create(['sleep', '1000'], { healthcheck: { ...FAST, ...healthcheck }, ...request });
  await post(`${id}/start`);
  return id;
}

function becomes(id: string, status: string): Promise<NonNullable<ContainerDetail['healthState']>> {
  return until(`it is ${status}`, async () => {
    const { healthState } = await inspect(id);
    return healthState?.status === status && healthState;
  });
}

async function events(id: string): Promise<Event[]> {
  const body = await daemon.client.must<string>('GET', `/v1/events?since=0&until=${Date.now() / 1000}&container=${id}`);
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);
}

const statuses = async (id: string): Promise<(string | undefined)[]> =>
  (await events(id)).filter(({ action }) => action === 'health_status').map(({ detail }) => detail);

test('from starting to unhealthy to healthy: state, events, ps, and nothing else to be seen of the probes', async () => {
  const id = await started({ test: ['CMD-SHELL', 'echo looked; echo aside >&2; test -e /tmp/ok'] });
  const ill = await becomes(id, 'unhealthy');
  assert.ok(ill.failingStreak >= 2);
  const [probe] = ill.probes;
  assert.equal(probe?.exitCode, 1);
  assert.deepEqual(probe.output.split('\n').sort(), ['', 'aside', 'looked']);
  assert.ok(probe.startedAt <= probe.endedAt);
  await inside(id, 'touch', '/tmp/ok');
  const well = await becomes(id, 'healthy');
  assert.equal(well.failingStreak, 0);
  const { execs, health, healthcheck } = await inspect(id);
  assert.deepEqual([execs.length, health, healthcheck?.startInterval], [1, 'healthy', 5_000 * MS]);
  assert.deepEqual(await statuses(id), ['unhealthy', 'healthy']);
  assert.equal((await events(id)).filter(({ action }) => action === 'exec_create').length, 1, 'that of the touch');
  const shown = await daemon.cli(['ps', '--format', '{{.Status}}', '--filter', 'health=healthy']);
  assert.match(shown.stdout, /^Up .* \(healthy\)\n$/);
  await post(`${id}/stop`, { timeout: 0 });
  const { healthState } = await inspect(id);
  assert.deepEqual([healthState?.status, (healthState?.probes.length ?? 0) > 0], ['unhealthy', true]);
  await post(`${id}/start`);
  await becomes(id, 'healthy');
  await remove(id);
});

test('a probe that does not end in time is killed; one that cannot be begun says why', async () => {
  const slow = await started({ test: ['CMD', 'sh', '-c', 'echo so far; exec sleep 1000'], timeout: 300 * MS });
  const absent = await started({ test: ['CMD', '/nowhere'], retries: 1 });
  const [probe] = (await becomes(slow, 'unhealthy')).probes;
  assert.deepEqual([probe?.exitCode, probe?.output], [-1, 'Health check exceeded timeout (300ms): so far\n']);
  const [refused] = (await becomes(absent, 'unhealthy')).probes;
  assert.equal(refused?.exitCode, -1);
  assert.match(refused.output, /\/nowhere.*no such file/i);
  await post(`${slow}/pause`);
  const { processes } = await daemon.client.must<{ processes: string[][] }>('GET', `/v1/containers/${slow}/top`);
  assert.ok(processes.length <= 2, `probes pile up: ${JSON.stringify(processes)}`);
  await post(`${slow}/resume`);
  for (const id of [slow, absent]) await remove(id);
});

test('of what a probe writes the first 4 KiB are kept', async () => {
  const id = await started({ test: ['CMD-SHELL', 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo 0123456789; done'] });
  const { probes } = await becomes(id, 'healthy');
  assert.equal(probes[0]?.output, '0123456789\n'.repeat(400).slice(0, 4096));
  await remove(id);
});

test('one that is paused is not probed', async () => {
  const id = await started({ test: ['CMD-SHELL', 'true'] });
  await becomes(id, 'healthy');
  await post(`${id}/pause`);
  const counted = async (): Promise<string | undefined> => (await inspect(id)).healthState?.probes.at(-1)?.endedAt;
  // a probe may have been under way
  let last = await counted();
  const other = await started({ test: ['CMD-SHELL', 'exit 1'], retries: 5 });
  await becomes(other, 'unhealthy');
  last = await counted();
  await remove(other);
  const third = await started({ test: ['CMD-SHELL', 'exit 1'], retries: 5 });
  await becomes(third, 'unhealthy');
  assert.equal(await counted(), last);
  assert.equal((await inspect(id)).health, 'healthy');
  await post(`${id}/resume`);
  await until('it is probed again', async () => (await counted()) !== last);
  for (const container of [id, third]) await remove(container);
});

test('kill -9 of the daemon: the status stays, probing goes on, and a probe that was under way is gone', async () => {
  const id = await started({ test: ['CMD-SHELL', 'rm /tmp/hang && exec sleep 1000; test -e /tmp/ok'] });
  await inside(id, 'touch', '/tmp/ok');
  await becomes(id, 'healthy');
  await inside(id, 'touch', '/tmp/hang');
  const sleeping = async (): Promise<number> => {
    const top = await daemon.client.must<{ processes: string[][] }>('GET', `/v1/containers/${id}/top`);
    return top.processes.filter((columns) => columns.join(' ').includes('sleep 1000')).length;
  };
  await until('a probe hangs', async () => (await sleeping()) >= 2);
  await daemon.end('SIGKILL');
  await daemon.start();
  assert.equal((await inspect(id)).health, 'healthy');
  await until('the probe is gone', async () => (await sleeping()) === 1);
  await inside(id, 'rm', '/tmp/ok');
  await becomes(id, 'unhealthy');
  await inside(id, 'touch', '/tmp/ok');
  await becomes(id, 'healthy');
  assert.deepEqual(await statuses(id), ['healthy', 'unhealthy', 'healthy']);
  await remove(id);
});

test("an image's health check, its shell, and what is asked for in its place", async () => {
  const layers = [busyboxLayer()];
  const Healthcheck = { Test: ['CMD-SHELL', 'of the image'], Interval: 50 * MS, Retries: 1 };
  const config = { Cmd: ['sleep', '1000'], Healthcheck, Shell: ['/bin/echo', 'shell:'] };
  await haveImage(daemon, 'docker.io/library/checked:latest', makeImage({ layers, config }));
  const run = async (...flags: string[]): Promise<string> =>
    (await daemon.cli(['run', '-d', ...flags, 'checked'])).stdout.trim();
  const whole = await run();
  assert.equal((await becomes(whole, 'healthy')).probes[0]?.output, 'shell: of the image\n');
  const other = await run('--health-cmd', 'mine', '--health-retries', '7');
  assert.equal((await becomes(other, 'healthy')).probes[0]?.output, 'shell: mine\n');
  assert.deepEqual(
    [(await inspect(other)).healthcheck?.retries, (await inspect(other)).healthcheck?.interval],
    [7, 50 * MS],
  );
  const none = await run('--no-healthcheck');
  const { healthcheck, healthState, health } = await inspect(none);
  assert.deepEqual([healthcheck, healthState, health], [undefined, undefined, undefined]);
  for (const id of [whole, other, none]) await remove(id);
});

test('where it is asked for an unhealthy one is restarted, with its stop signal', async () => {
  const trap = 'trap "echo asked; exit 0" TERM; touch /tmp/ok; while :; do sleep 0.02; done';
  const healthcheck = {
    ...FAST,
    test: ['CMD-SHELL', 'test -e /tmp/ok'],
    onUnhealthy: 'restart',
    startPeriod: 60_000 * MS,
  };
  const id = await daemon.create(['sh', '-c', trap], { healthcheck: { ...healthcheck, startInterval: 50 * MS } });
  await post(`${id}/start`);
  await becomes(id, 'healthy');
  const pid = await daemon.hostPid(id);
  await inside(id, 'rm', '/tmp/ok');
  await until('it was restarted', async () => {
    const { pid: now, restartCount } = await inspect(id);
    return restartCount === 1 && now !== undefined && now !== pid;
  });
  await becomes(id, 'healthy');
  assert.equal(await daemon.logText(id, 'stdout'), 'asked\n');
  assert.deepEqual(
    (await events(id)).map(({ action }) => action).filter((action) => !action.startsWith('exec')),
    ['create', 'start', 'health_status', 'health_status', 'kill', 'die', 'stop', 'start', 'restart', 'health_status'],
  );
  await remove(id);
});

test('what cannot be is refused by the name of its field', async () => {
  for (const [healthcheck, field] of [
    [{ test: ['FOO', 'x'] }, 'healthcheck.test'],
    [{ test: ['CMD', 'x'], interval: 1 }, 'healthcheck.interval'],
    [{ test: ['CMD', 'x'], retries: -1 }, 'healthcheck.retries'],
  ] as const) {
    const body = { rootfs: daemon.rootfs, command: ['true'], healthcheck };
    const answer = await daemon.client.send<{ field?: string }>('POST', '/v1/containers', body);
    assert.deepEqual([answer.status, answer.body.field], [400, field]);
  }
  const both = await daemon.cli(['create', '--no-healthcheck', '--health-cmd', 'x', '--rootfs', daemon.rootfs, 'true']);
  assert.equal(both.code, 125);
});
