/** kill -9 of the daemon, of a shim, of both: containers live on in their groups, and what is nobody's is swept. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parentOf } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';
import { host, MEBIBYTE } from './host.ts';

const WAIT = ['sleep', '1000'];

async function crash(): Promise<void> {
  await host.daemon.end('SIGKILL');
  await host.daemon.start();
}

test('after a kill -9 of the daemon everything about the group still works', async () => {
  const container = await host.start(WAIT, { memory: { limit: 64 * MEBIBYTE, swap: 64 * MEBIBYTE } });
  const paused = await host.start(WAIT);
  await paused.post('pause');
  const pid = await container.pid();
  await crash();
  assert.equal(await container.pid(), pid);
  assert.equal(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), `0::${container.path}\n`);
  assert.equal((await container.exec('cat', '/proc/self/cgroup')).stdout, '0::/\n');
  await container.post('update', { limits: { memory: '48MiB', pids: 30 } });
  assert.deepEqual(container.files('memory.max', 'pids.max'), {
    'memory.max': String(48 * MEBIBYTE),
    'pids.max': '30',
  });
  await container.post('pause');
  await container.post('resume');
  assert.equal((await host.inspect(paused.id)).status, 'paused');
  await paused.post('resume');
  await container.post('stop', { timeout: 0 });
  await container.post('start');
  assert.equal(container.read('memory.max'), String(48 * MEBIBYTE));
  await container.remove();
  await paused.remove();
});

test('an OOM kill while there is no daemon is known afterwards', async () => {
  const container = await host.start(
    ['sh', '-c', 'until [ -e /go/now ]; do sleep 0.02; done; exec dd if=/dev/zero of=/dev/null bs=64M count=1'],
    { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } },
    { mounts: [{ type: 'bind', source: host.daemon.folder, target: '/go' }] },
  );
  const pid = await container.pid();
  await host.daemon.end('SIGKILL');
  mkdirSync(join(host.daemon.folder, 'now'));
  await until('it has ended', () => !existsSync(`/proc/${pid}`));
  await host.daemon.start();
  const { exit } = await until('the end is known', async () => {
    const found = await host.inspect(container.id);
    return found.status === 'stopped' && found;
  });
  assert.deepEqual([exit?.code, exit?.oomKilled, exit?.unknown], [137, true, false]);
  await container.remove();
});

test('a shim killed with -9: what it held is ended, its group goes', async () => {
  for (const daemonToo of [false, true]) {
    const container = await host.start(['sh', '-c', 'sleep 1000 & sleep 1001; true']);
    const pid = await container.pid();
    const shim = await parentOf(pid);
    if (daemonToo) await host.daemon.end('SIGKILL');
    process.kill(shim, 'SIGKILL');
    if (daemonToo) await host.daemon.start();
    await until('it is seen', async () => (await host.inspect(container.id)).status === 'stopped');
    assert.equal((await host.inspect(container.id)).exit?.unknown, true);
    await until('the group is gone', () => !existsSync(container.group));
    await container.remove();
  }
});

test('groups below ours that belong to no container are swept at the start', async () => {
  const container = await host.start(WAIT);
  const stray = join(dirname(container.group), 'f'.repeat(64));
  await host.daemon.end('SIGKILL');
  mkdirSync(join(stray, 'deep'), { recursive: true });
  await host.daemon.start();
  await until('it is swept', () => !existsSync(stray));
  assert.ok(existsSync(container.group));
  await container.remove();
});
