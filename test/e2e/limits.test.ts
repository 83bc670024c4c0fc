/** Limits bite, and update changes them while the container runs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const HOG = ['/bin/sh', '-c', 'x=$(head -c 200m /dev/zero | tr "\\0" x); echo survived'];

test('a memory hog is killed: 137 and oomKilled', async () => {
  const { exit, stdout } = await daemon.runToEnd(HOG, { limits: { memory: '32MiB', memorySwap: '32MiB' } });
  assert.doesNotMatch(stdout, /survived/);
  assert.equal(exit.oomKilled, true);
  assert.ok(exit.code === 137 || exit.code === 1, `code ${exit.code ?? '?'}`);
  // The hog alone in the container: then it is init itself that is killed.
  const alone = await daemon.runToEnd(['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'], {
    limits: { memory: '32MiB', memorySwap: '32MiB' },
  });
  assert.deepEqual([alone.exit.code, alone.exit.signal, alone.exit.oomKilled], [137, 'SIGKILL', true]);
});

/** A shell of its own forks until it cannot (which ends that shell); the container lives on with what was forked. */
const BOMB = 'sh -c "while :; do sleep 1000 & done"';

test('a fork bomb stays under pids', async () => {
  const id = await daemon.create(['/bin/sh', '-c', `${BOMB}; exec sleep 1000`], { limits: { pids: 20 } });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await until('it meets the limit', async () =>
    /can't fork|Resource temporarily/.test(await daemon.logText(id, 'stderr')),
  );
  const { processes } = await daemon.client.must<{ processes: unknown[] }>('GET', `/v1/containers/${id}/top`);
  assert.ok(processes.length <= 20, `${processes.length} processes`);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

/** CPU time in seconds that a process and its ended children have had. */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function spinner(cpus: number): Promise<string> {
  const id = await daemon.create(['/bin/sh', '-c', 'while :; do :; done'], { limits: { cpus } });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  return id;
}

/**
 * What the kernel was told, and that it throttles. How much time a hog gets depends on who else wants the
 * machine, so the quota is read from the group and its effect from cpu.stat.
 */
async function throttled(pid: number): Promise<{ quota: number; period: number; periods: number; throttled: number }> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
  const v1 = /^\d+:(?:[a-z]+,)*cpu(?:,[a-z]+)*:(.*)$/m.exec(groups)?.[1];
  const v2 = /^0::(.*)$/m.exec(groups)?.[1] ?? '';
  const read = (file: string) => readFile(`/sys/fs/cgroup${v1 === undefined ? v2 : `/cpu${v1}`}/${file}`, 'utf8');
  const [quota, period] =
    v1 === undefined
      ? (await read('cpu.max')).split(' ')
      : [await read('cpu.cfs_quota_us'), await read('cpu.cfs_period_us')];
  const stat = await read('cpu.stat');
  return {
    quota: Number(quota),
    period: Number(period),
    periods: Number(/nr_periods (\d+)/.exec(stat)?.[1]),
    throttled: Number(/nr_throttled (\d+)/.exec(stat)?.[1]),
  };
}

test('cpus 0.1 and 0.2 differ by two', async () => {
  // Small shares, so that both have what they may have even where something else runs.
  const ids = [await spinner(0.1), await spinner(0.2)];
  const pids = await Promise.all(ids.map((id) => daemon.hostPid(id)));
  for (const [index, cpus] of [0.1, 0.2].entries()) {
    const { quota, period } = await throttled(pids[index]!);
    assert.equal(quota / period, cpus);
  }
  const before = await Promise.all(pids.map(cpuSeconds));
  await until('both have run a while', async () => (await cpuSeconds(pids[0]!)) - before[0]! >= 0.5, 60);
  const [slow, fast] = (await Promise.all(pids.map(cpuSeconds))).map((seconds, i) => seconds - before[i]!) as [
    number,
    number,
  ];
  assert.ok(fast / slow > 1.5 && fast / slow < 2.5, `${fast} s against ${slow} s`);
  for (const id of ids) await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('update of cpus holds at once', async () => {
  const id = await spinner(1);
  const pid = await daemon.hostPid(id);
  await daemon.client.must('POST', `/v1/containers/${id}/update`, { limits: { cpus: 0.1 } });
  const { quota, period, throttled: before } = await throttled(pid);
  assert.equal(quota / period, 0.1);
  await until('the kernel throttles it', async () => (await throttled(pid)).throttled > before + 2);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('update lowers memory live, and the hog meets it', async () => {
  const id = await daemon.create(['/bin/sh', '-c', `until [ -e /go ]; do sleep 0.02; done; ${HOG[2]!}`], {
    limits: { memory: '1GiB' },
  });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('POST', `/v1/containers/${id}/update`, { limits: { memory: '32MiB', memorySwap: '32MiB' } });
  const made = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
    command: ['touch', '/go'],
  });
  await daemon.client.must('POST', `/v1/execs/${made.id}/start`);
  const exit = await daemon.client.must<{ oomKilled: boolean }>('GET', `/v1/containers/${id}/wait`);
  assert.equal(exit.oomKilled, true);
  const { limits } = await daemon.client.must<{ limits: { memory: number | string } }>('GET', `/v1/containers/${id}`);
  assert.ok(limits.memory === '32MiB' || limits.memory === 32 * 1024 * 1024);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
});

test('update of pids holds for what is forked next', async () => {
  const id = await daemon.create(['/bin/sh', '-c', `until [ -e /go ]; do sleep 0.02; done; ${BOMB}; exec sleep 1000`], {
    limits: { pids: 1000 },
  });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('POST', `/v1/containers/${id}/update`, { limits: { pids: 12 } });
  const made = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
    command: ['touch', '/go'],
  });
  await daemon.client.must('POST', `/v1/execs/${made.id}/start`);
  await until('it meets the limit', async () =>
    /can't fork|Resource temporarily/.test(await daemon.logText(id, 'stderr')),
  );
  const { processes } = await daemon.client.must<{ processes: unknown[] }>('GET', `/v1/containers/${id}/top`);
  assert.ok(processes.length <= 12, `${processes.length} processes`);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('an update that cannot hold is refused and changes nothing', async () => {
  const id = await daemon.create(['sleep', '1000'], { limits: { pids: 100 } });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const refused = await daemon.client.send<{ field?: string }>('POST', `/v1/containers/${id}/update`, {
    limits: { cpuset: '900' },
  });
  assert.ok(refused.status >= 400, String(refused.status));
  const { limits } = await daemon.client.must<{ limits: Record<string, unknown> }>('GET', `/v1/containers/${id}`);
  assert.equal(limits.cpuset, undefined);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('the limits of an exec are the container’s', async () => {
  const id = await daemon.create(['sleep', '1000'], { limits: { memory: '32MiB', memorySwap: '32MiB' } });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const made = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
    command: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'],
  });
  await daemon.client.must('POST', `/v1/execs/${made.id}/start`);
  const ended = await until('the exec is killed', async () => {
    const exec = await daemon.client.must<{ status: string; exit?: { code?: number } }>('GET', `/v1/execs/${made.id}`);
    return exec.status === 'exited' && exec;
  });
  assert.equal(ended.exit?.code, 137);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});
