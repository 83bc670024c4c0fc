/** Freezer, OOM killer, the end of all processes, and who is in the group. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { probeCgroups } from '../../daemon/runtime/cgroups/host.ts';
import { processes, stats } from '../../daemon/runtime/cgroups/live.ts';
import { until } from '../harness/until.ts';
import { host, MEBIBYTE } from './host.ts';

/** CPU time that the group has had, in nanoseconds. */
const used = (path: string): number => stats(probeCgroups(), path).cpu.usageNanoseconds ?? NaN;

test('pause freezes every process, resume lets them go on', async () => {
  const container = await host.start(['sh', '-c', '(while :; do :; done) & while :; do :; done']);
  await until('it runs', () => used(container.path) > 50e6);
  await container.post('pause');
  assert.deepEqual(container.files('cgroup.freeze'), { 'cgroup.freeze': '1' });
  assert.match(container.read('cgroup.events'), /^frozen 1$/m);
  assert.equal((await host.inspect(container.id)).status, 'paused');
  const before = used(container.path);
  // Others get on meanwhile; twenty rounds of the API are more than a tick.
  for (let round = 0; round < 20; round++) await host.inspect(container.id);
  assert.ok(used(container.path) - before < 1e6);
  await container.post('resume');
  assert.match(container.read('cgroup.events'), /^frozen 0$/m);
  await until('it goes on', () => used(container.path) > before + 50e6);
  await container.remove();
});

test('a paused container can be killed and removed', async () => {
  for (const end of ['kill', 'remove'] as const) {
    const container = await host.start(['sleep', '1000']);
    await container.post('pause');
    if (end === 'kill') {
      await container.post('kill', {});
      const { code, signal } = await host.daemon.client.must<{ code: number; signal: string }>(
        'GET',
        `/v1/containers/${container.id}/wait`,
      );
      assert.deepEqual([code, signal], [137, 'SIGKILL']);
    }
    await container.remove();
  }
});

test('the OOM killer: 137, oomKilled, an event', async () => {
  const { exit } = await host.daemon.runToEnd(['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'], {
    limits: { memory: '16MiB', memorySwap: '16MiB' },
  });
  assert.deepEqual([exit.code, exit.signal, exit.oomKilled], [137, 'SIGKILL', true]);
  const other = await host.daemon.runToEnd(['sh', '-c', 'exit 137']);
  assert.deepEqual([other.exit.code, other.exit.oomKilled], [137, false]);
});

test('a victim that is not init is counted too, and the container lives', async () => {
  const container = await host.start(['sleep', '1000'], { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } });
  const { code } = await container.exec('dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1');
  assert.equal(code, 137);
  assert.equal(stats(probeCgroups(), container.path).oomKills, 1);
  assert.equal((await host.inspect(container.id)).status, 'running');
  await container.remove();
});

test('cgroup.kill ends a bomb whole, also where it is frozen', async () => {
  for (const frozen of [false, true]) {
    const bomb = 'while :; do (while :; do sleep 1000 & sleep 0.001; done) & done';
    const container = await host.start(['sh', '-c', `sh -c "${bomb}"; exec sleep 1000`], { pids: { limit: 60 } });
    await until('there are many', () => processes(probeCgroups(), container.path).length >= 40);
    if (frozen) await container.post('pause');
    await container.remove();
    await until('all have ended', () => processes(probeCgroups(), container.path).length === 0);
  }
});

test('top shows who is in the group, and below it', async () => {
  const container = await host.start(['sh', '-c', 'sleep 1001 & sleep 1002; true']);
  await until('both run', () => processes(probeCgroups(), container.path).length === 3);
  const { processes: rows } = await host.daemon.client.must<{ processes: string[][] }>(
    'GET',
    `/v1/containers/${container.id}/top`,
  );
  assert.deepEqual(rows.map((row) => row.at(-1)).sort(), [
    'sh -c sleep 1001 & sleep 1002; true',
    'sleep 1001',
    'sleep 1002',
  ]);
  for (const row of rows) assert.match(readFileSync(`/proc/${row[1] ?? ''}/cgroup`, 'utf8'), new RegExp(container.id));
  await container.remove();
});

test('statistics: every value is known', async () => {
  const container = await host.start(['sh', '-c', 'x=$(head -c 2m /dev/zero | tr "\\0" x); sleep 1000; true'], {
    memory: { limit: 64 * MEBIBYTE },
  });
  await until('it has worked', () => (stats(probeCgroups(), container.path).memory.peak ?? 0) > 2 * MEBIBYTE);
  const found = stats(probeCgroups(), container.path);
  assert.ok((found.memory.current ?? 0) > 0 && (found.memory.current ?? Infinity) <= (found.memory.peak ?? 0));
  assert.deepEqual([found.memory.limit, found.memory.swap, found.oomKills], [64 * MEBIBYTE, 0, 0]);
  assert.ok(found.memory.inactiveFile !== undefined);
  assert.ok((found.cpu.usageNanoseconds ?? 0) > 0);
  assert.ok(found.io !== undefined);
  await container.remove();
});
