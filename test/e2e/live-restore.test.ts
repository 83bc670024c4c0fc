/** kill -9 of the daemon at any moment loses no container, no output, no exit code and leaves nothing behind. */
import assert from 'node:assert/strict';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon, parentOf } from '../harness/daemon.ts';
import { Stream } from '../harness/stream.ts';
import { until } from '../harness/until.ts';

interface Detail {
  id: string;
  status: string;
  pid?: number;
  cgroup: string;
  exit?: { unknown: boolean; code?: number };
}

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const inspect = (id: string) => daemon.client.must<Detail>('GET', `/v1/containers/${id}`);
const start = (id: string) => daemon.client.must('POST', `/v1/containers/${id}/start`);
const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);

async function crash(): Promise<void> {
  await daemon.end('SIGKILL');
  await daemon.start();
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

test('numbered lines while the daemon is killed: none missing, none doubled, the exit is known', async () => {
  const id = await daemon.create([
    '/bin/sh',
    '-c',
    'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; [ $((i % 50)) = 0 ] && sleep 0.02; done; exit 7',
  ]);
  await start(id);
  for (let crashes = 0; crashes < 4; crashes++) {
    const lines = (await daemon.logText(id, 'stdout')).length;
    await until(
      'it goes on',
      async () => (await daemon.logText(id, 'stdout')).length > lines || (await inspect(id)).status === 'stopped',
    );
    await crash();
  }
  const exit = await daemon.client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
  assert.equal(exit.code, 7);
  const expected = Array.from({ length: 3000 }, (_, i) => `${i + 1}\n`).join('');
  assert.equal(await daemon.logText(id, 'stdout'), expected);
  await remove(id);
});

test('an exit while there is no daemon has its true code', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'until [ -e /tmp/go ]; do sleep 0.02; done; exit 7'], {
    mounts: [{ type: 'bind', source: daemon.folder, target: '/tmp' }],
  });
  await start(id);
  const pid = await daemon.hostPid(id);
  await daemon.end('SIGKILL');
  await writeFile(join(daemon.folder, 'go'), '');
  await until('the container has ended', () => !alive(pid));
  await daemon.start();
  const detail = await until('it is known', async () => {
    const found = await inspect(id);
    return found.status === 'stopped' && found;
  });
  assert.deepEqual([detail.exit?.unknown, detail.exit?.code], [false, 7]);
  await rm(join(daemon.folder, 'go'));
  await remove(id);
});

test('after a restart attach, exec, stop and a second start work', async () => {
  const id = await daemon.create(['/bin/sh'], { tty: true, stdin: true });
  await start(id);
  const pid = await daemon.hostPid(id);
  await crash();
  assert.equal(await daemon.hostPid(id), pid);
  const stream = await Stream.open(daemon.socket, `/v1/containers/${id}/attach?stdin=true&stdout=true`);
  stream.type('echo $((6*7))\n');
  await stream.shows(/^42\r?$/m);
  const exec = await daemon.cli(['exec', id, 'echo', 'inside']);
  assert.equal(exec.stdout, 'inside\n');
  await daemon.client.must('POST', `/v1/containers/${id}/stop`, { timeout: 0 });
  assert.equal(await stream.end(), 137);
  await start(id);
  assert.notEqual(await daemon.hostPid(id), pid);
  await remove(id);
});

test('an exec that is under way when the daemon dies is seen to its end', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await start(id);
  const exec = await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, {
    command: ['/bin/sh', '-c', 'until [ -e /go ]; do sleep 0.02; done; exit 9'],
  });
  await daemon.client.must('POST', `/v1/execs/${exec.id}/start`);
  await crash();
  assert.equal((await daemon.cli(['exec', id, 'touch', '/go'])).code, 0);
  const ended = await until('the exec ends', async () => {
    const found = await daemon.client.must<{ status: string; exit?: { code?: number } }>('GET', `/v1/execs/${exec.id}`);
    return found.status === 'exited' && found;
  });
  assert.equal(ended.exit?.code, 9);
  await remove(id);
});

test('a paused container stays paused', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await start(id);
  await daemon.client.must('POST', `/v1/containers/${id}/pause`);
  await crash();
  assert.equal((await inspect(id)).status, 'paused');
  await daemon.client.must('POST', `/v1/containers/${id}/resume`);
  assert.equal((await inspect(id)).status, 'running');
  await remove(id);
});

test('SIGTERM ends the daemon and leaves the containers', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await start(id);
  const pid = await daemon.hostPid(id);
  assert.equal(await daemon.end('SIGTERM'), 0);
  assert.ok(alive(pid));
  await daemon.start();
  assert.equal(await daemon.hostPid(id), pid);
  await remove(id);
});

async function groupsOf(cgroup: string): Promise<string[]> {
  const found: string[] = [];
  for (const hierarchy of await readdir('/sys/fs/cgroup')) {
    const procs = await readFile(join('/sys/fs/cgroup', hierarchy, cgroup, 'cgroup.procs'), 'utf8').catch(
      (error: unknown) => {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV') return undefined;
        throw error;
      },
    );
    if (procs !== undefined) found.push(hierarchy);
  }
  return found;
}

test('a shim killed with -9: the container is ended, its exit unknown, everything swept', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'sleep 1000 & sleep 1000']);
  await start(id);
  const { pid, cgroup } = await inspect(id);
  process.kill(await parentOf(pid!), 'SIGKILL');
  const detail = await until('it is seen', async () => {
    const found = await inspect(id);
    return found.status === 'stopped' && found;
  });
  assert.deepEqual([detail.exit?.unknown, detail.exit?.code], [true, undefined]);
  await until('init is gone', () => !alive(pid!));
  await until('its groups are gone', async () => (await groupsOf(cgroup)).length === 0);
  assert.deepEqual(
    (await readdir(join(daemon.run, 'c'))).filter((name) => name.startsWith(id)),
    [],
  );
  await start(id);
  await remove(id);
});

test('a shim killed with -9 while there is no daemon: the same', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await start(id);
  const { pid, cgroup } = await inspect(id);
  const shim = await parentOf(pid!);
  await daemon.end('SIGKILL');
  process.kill(shim, 'SIGKILL');
  await until('the shim is gone', () => !alive(shim));
  await daemon.start();
  const detail = await until('it is seen', async () => {
    const found = await inspect(id);
    return found.status === 'stopped' && found;
  });
  assert.equal(detail.exit?.unknown, true);
  await until('init is gone', () => !alive(pid!));
  await until('its groups are gone', async () => (await groupsOf(cgroup)).length === 0);
  await remove(id);
});

/** Where the registry and the kernel differ: a row's process, a socket's row, a directory's row. */
async function differences(): Promise<string[]> {
  const rows = await daemon.client.must<Detail[]>('GET', '/v1/containers?all=true');
  const found: string[] = [];
  for (const { id, status, pid } of rows) {
    if (status === 'creating' || status === 'removing') found.push(`${id} is ${status}`);
    if (status === 'running' && !alive(pid!)) found.push(`${id} is running, but process ${pid!} is not there`);
  }
  const running = new Set(rows.filter(({ status }) => status === 'running').map(({ id }) => id));
  for (const name of await readdir(join(daemon.run, 'c'))) {
    if (!running.has(name.replace(/\.sock$/, ''))) found.push(`socket ${name} has no running row`);
  }
  const ids = new Set(rows.map(({ id }) => id));
  const folders = await readdir(join(daemon.root, 'containers'));
  for (const name of folders) if (!ids.has(name)) found.push(`directory ${name} has no row`);
  for (const id of ids) if (!folders.includes(id)) found.push(`row ${id} has no directory`);
  return found;
}

/** The registry and the kernel say the same, once what was under way is done. */
async function agree(): Promise<void> {
  let last: string[] = [];
  try {
    await until('registry and kernel agree', async () => {
      last = await differences();
      return last.length === 0;
    });
  } catch (cause) {
    throw new Error(`registry and kernel differ:\n${last.join('\n')}\n${daemon.output.slice(-3000)}`, { cause });
  }
}

test('kill -9 at 50 random moments of a storm: the registry and the kernel agree', async () => {
  for (let round = 0; round < 50; round++) {
    const storm = { over: false };
    const clients = Array.from({ length: 4 }, async () => {
      while (!storm.over) {
        try {
          const id = await daemon.create(['/bin/sh', '-c', 'sleep 0.01; exit 3']);
          await start(id);
          if (Math.random() < 0.5) await daemon.client.must('POST', `/v1/containers/${id}/stop`, { timeout: 0 });
          else await daemon.client.must('GET', `/v1/containers/${id}/wait`);
          await remove(id);
        } catch (error) {
          // The daemon was killed under this request; anything else is a fault.
          if ((error as NodeJS.ErrnoException).code !== undefined) return;
          throw error;
        }
      }
    });
    await sleep(Math.random() * 150);
    storm.over = true;
    await daemon.end('SIGKILL');
    await Promise.all(clients);
    await daemon.start();
    if (round % 10 === 9) await agree();
  }
  await agree();
  for (const { id } of await daemon.client.must<Detail[]>('GET', '/v1/containers?all=true')) await remove(id);
  await agree();
});
