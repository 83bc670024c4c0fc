/** A process is in its group from birth (CLONE_INTO_CGROUP): nobody ever moves it there. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { host } from './host.ts';

const TRACING = '/sys/kernel/tracing';
const INSTANCE = join(TRACING, 'instances/tare-vm');

/** The kernel tells of every process that is moved from one group to another, by whatever means. */
before(async () => {
  await run('mount', ['-t', 'tracefs', 'tracefs', TRACING]);
  mkdirSync(INSTANCE);
  writeFileSync(join(INSTANCE, 'events/cgroup/cgroup_attach_task/enable'), '1');
});
after(async () => {
  rmdirSync(INSTANCE);
  await run('umount', [TRACING]);
});

const moves = (): string[] => readFileSync(join(INSTANCE, 'trace'), 'utf8').match(/cgroup_attach_task: .*/g) ?? [];

test('init and execs are born in their group, and the shim is not in it', async () => {
  const container = await host.start(['sleep', '1000']);
  const pid = await container.pid();
  assert.equal(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), `0::${container.path}\n`);
  const made = await host.daemon.client.must<{ id: string }>('POST', `/v1/containers/${container.id}/execs`, {
    command: ['sleep', '1001'],
  });
  await host.daemon.client.must('POST', `/v1/execs/${made.id}/start`);
  const exec = await host.daemon.client.must<{ pid: number }>('GET', `/v1/execs/${made.id}`);
  assert.equal(readFileSync(`/proc/${exec.pid}/cgroup`, 'utf8'), `0::${container.path}\n`);
  assert.equal(container.read('cgroup.procs'), [pid, exec.pid].sort((a, b) => a - b).join('\n'));
  const shim = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  assert.doesNotMatch(readFileSync(`/proc/${shim}/cgroup`, 'utf8'), new RegExp(container.id));
  await container.remove();
  assert.deepEqual(moves(), []);
});

test('the trace would show a move', async () => {
  const container = await host.start(['sleep', '1000']);
  const below = join(container.group, 'below');
  mkdirSync(below);
  writeFileSync(join(below, 'cgroup.procs'), String(await container.pid()));
  await until('the move is seen', () => moves().some((line) => line.includes(`dst_path=${container.path}/below`)));
  await container.remove();
});

test('an exec goes where init has gone: a group with controllers for its children takes nobody', async () => {
  const container = await host.start(['sleep', '1000']);
  const inner = join(container.group, 'init');
  mkdirSync(inner);
  writeFileSync(join(inner, 'cgroup.procs'), String(await container.pid()));
  writeFileSync(join(container.group, 'cgroup.subtree_control'), '+pids +memory');
  const before = moves().length;
  const { code, stdout, stderr } = await container.exec('cat', '/proc/self/cgroup');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(stdout, '0::/init\n');
  assert.equal(moves().length, before);
  await container.remove();
  await until('its groups are gone', () => !existsSync(container.group));
});
