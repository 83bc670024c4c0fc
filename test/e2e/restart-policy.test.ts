/** Containers that end by themselves, and daemons that do, with real processes: who is started again, and who is not. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import type { ContainerDetail } from '../../shared/api/container.ts';
import type { Event } from '../../shared/api/event.ts';
import { TestDaemon, parentOf } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const inspect = (id: string) => daemon.client.must<ContainerDetail>('GET', `/v1/containers/${id}`);
const post = (path: string, body?: Record<string, unknown>) =>
  daemon.client.must('POST', `/v1/containers/${path}`, body);
const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);

/** Started, with that policy. */
async function started(
  command: readonly string[],
  restart: Record<string, unknown>,
  request: Record<string, unknown> = {},
): Promise<string> {
  const id = await daemon.create(command, { restart, ...request });
  await post(`${id}/start`);
  return id;
}

/** It may go with another one. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const crashing = ['/bin/sh', '-c', 'exit 3'];

function waiting(id: string, times: number): Promise<ContainerDetail> {
  return until(`${id.slice(0, 12)} waits after ${times} starts`, async () => {
    const detail = await inspect(id);
    return detail.restarting && detail.restartCount >= times && detail;
  });
}

async function actions(id: string): Promise<string[]> {
  const body = await daemon.client.must<string>('GET', `/v1/events?since=0&until=${Date.now() / 1000}&container=${id}`);
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as Event).action);
}

test('a crash loop: it is started so often as its policy says, and what it wrote is all there', async () => {
  const id = await started(['/bin/sh', '-c', 'echo once more; exit 3'], { name: 'on-failure', maximumRetryCount: 2 });
  const end = await until('it is given up', async () => {
    const detail = await inspect(id);
    return detail.restartCount === 2 && detail.status === 'stopped' && !detail.restarting && detail;
  });
  assert.equal(end.exit?.code, 3);
  assert.equal(await daemon.logText(id, 'stdout'), 'once more\n'.repeat(3));
  assert.deepEqual(await actions(id), ['create', 'start', 'die', 'start', 'die', 'start', 'die']);
  await remove(id);
});

test('one that is shown as restarting: ps, its filters, and what is refused', async () => {
  const id = await started(crashing, { name: 'always' });
  await waiting(id, 4);
  const shown = await daemon.cli(['ps', '--format', '{{.ID}} {{.State}} {{.Status}}', '--filter', 'status=restarting']);
  assert.match(shown.stdout, new RegExp(`^${id.slice(0, 12)} restarting Restarting \\(3\\) .* ago\n$`));
  const refused = await daemon.client.send<{ code: string }>('DELETE', `/v1/containers/${id}`);
  assert.deepEqual([refused.status, refused.body.code], [409, 'container_restarting']);
  await post(`${id}/stop`);
  const { restarting, status, exit } = await inspect(id);
  assert.deepEqual([restarting, status, exit?.code], [false, 'stopped', 3]);
  assert.equal((await actions(id)).at(-1), 'stop');
  await remove(id);
});

test('kill -9 of the daemon while one waits, and while one runs that then ends', async () => {
  const loop = await started(crashing, { name: 'unless-stopped' });
  const running = await started(['sleep', '1000'], {
    name: 'on-failure',
  });
  const stopped = await started(crashing, { name: 'unless-stopped' });
  await waiting(stopped, 1);
  await post(`${stopped}/stop`);
  const { restartCount: before } = await waiting(loop, 4);
  const pid = await daemon.hostPid(running);
  await daemon.end('SIGKILL');
  process.kill(pid, 'SIGKILL');
  await daemon.start();
  await until('the loop goes on, and counts on', async () => (await inspect(loop)).restartCount > before);
  await until('the other was started again', async () => {
    const { status, restartCount, pid: now } = await inspect(running);
    return status === 'running' && restartCount === 1 && now !== pid;
  });
  assert.deepEqual([(await inspect(stopped)).restarting, (await inspect(stopped)).status], [false, 'stopped']);
  for (const id of [loop, running, stopped]) await remove(id);
});

test('after a reboot what ran is started again, but not what its user had stopped', async () => {
  const idle = ['sleep', '1000'];
  const policies = ['no', 'on-failure', 'always', 'unless-stopped'] as const;
  const [no, onFailure, always, unlessStopped] = (await Promise.all(
    policies.map((name) => started(idle, { name })),
  )) as [string, string, string, string];
  // comes up after the one whose network it is in
  const joining = await started(idle, { name: 'always' }, { network: { mode: `container:${always}` } });
  const stopped = await started(idle, { name: 'unless-stopped' });
  await post(`${stopped}/stop`, { timeout: 0 });
  const inits = await Promise.all([no, onFailure, always, unlessStopped, joining].map((id) => daemon.hostPid(id)));
  const shims = await Promise.all(inits.map(parentOf));
  await daemon.end('SIGKILL');
  // of what ran before a reboot nothing is there: nobody who would clear away what is made after it
  for (const pid of [...shims, ...inits]) endProcess(pid);
  await until('nothing of it runs', () => ![...shims, ...inits].some((pid) => existsSync(`/proc/${pid}`)));
  const registry = new DatabaseSync(join(daemon.root, 'tare.db'));
  registry.exec("UPDATE containers SET boot_id = 'of another boot' WHERE boot_id IS NOT NULL");
  registry.close();
  await daemon.start();
  for (const id of [onFailure, always, unlessStopped, joining]) {
    await until('it runs again', async () => (await inspect(id)).status === 'running');
    assert.equal((await inspect(id)).restartCount, 0);
  }
  for (const id of [no, stopped]) assert.equal((await inspect(id)).status, 'stopped');
  for (const id of [no, onFailure, always, unlessStopped, joining, stopped]) await remove(id);
});

test('the command line: run --restart, update --restart', async () => {
  const made = await daemon.cli(['run', '-d', '--restart', 'on-failure:5', '--rootfs', daemon.rootfs, 'sleep', '1000']);
  const id = made.stdout.trim();
  assert.deepEqual((await inspect(id)).restart, { name: 'on-failure', maximumRetryCount: 5 });
  assert.equal((await daemon.cli(['update', '--restart', 'unless-stopped', id])).code, 0);
  assert.deepEqual((await inspect(id)).restart, { name: 'unless-stopped' });
  const refused = await daemon.cli(['run', '-d', '--rm', '--restart', 'always', '--rootfs', daemon.rootfs, 'true']);
  assert.deepEqual([refused.code, refused.stderr.includes('--restart')], [125, true]);
  assert.equal((await daemon.cli(['run', '--restart', 'sometimes', '--rootfs', daemon.rootfs, 'true'])).code, 125);
  await remove(id);
});
