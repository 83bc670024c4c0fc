/** 8 clients × 1,000 lives: nothing is left, the daemon's memory is flat. The longest test: about a minute. */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from '../harness/client.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

async function residentKilobytes(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

test('8 clients × 1,000 lives', async () => {
  const daemon = await TestDaemon.open();
  try {
    const clients = Array.from({ length: 8 }, () => new Client(daemon.socket));
    const lives = async (client: Client, count: number) => {
      for (let i = 0; i < count; i++) {
        const { id } = await client.must<{ id: string }>('POST', '/v1/containers', {
          rootfs: daemon.rootfs,
          command: ['/bin/true'],
        });
        await client.must('POST', `/v1/containers/${id}/start`);
        const exit = await client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
        assert.equal(exit.code, 0);
        await client.must('DELETE', `/v1/containers/${id}`);
      }
    };
    // A quarter of the storm warms the daemon: compiled code and caches are not a leak.
    await Promise.all(clients.map((client) => lives(client, 250)));
    const descriptors = async () => (await readdir(`/proc/${daemon.pid}/fd`)).length;
    const [memory, open] = [await residentKilobytes(daemon.pid), await descriptors()];
    await Promise.all(clients.map((client) => lives(client, 750)));
    for (const client of clients) client.close();
    await until('descriptors are as before', async () => (await descriptors()) <= open);
    const grown = (await residentKilobytes(daemon.pid)) / memory;
    assert.ok(grown < 1.1, `resident memory grew by ${((grown - 1) * 100).toFixed(1)} %`);
    assert.deepEqual(await daemon.client.must('GET', '/v1/containers?all=true'), []);
    await until('no shim socket is left', async () => (await readdir(join(daemon.run, 'c'))).length === 0);
    await until('no directory is left', async () => (await readdir(join(daemon.root, 'containers'))).length === 0);
    assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(daemon.folder));
  } finally {
    await daemon.close();
  }
});
