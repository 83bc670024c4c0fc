/**
 * 8 clients × 500 lives with bridge, addresses of both families, a published port each and names, on a network with
 * so few addresses that each is used some seventy times: none is ever in two hands, and nothing is left. About
 * a minute on two cores.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '../harness/client.ts';
import { NetworkRoom, type Networked } from '../harness/network.ts';
import { until } from '../harness/until.ts';

const CLIENTS = 8;
const LIVES = 500;

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  await room.network('few', { subnets: [{ subnet: '10.99.0.0/26' }, { subnet: 'fd99::/64' }] });
});
after(() => room.close());

const ruleset = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
const links = (): string[] =>
  (JSON.parse(room.host.ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname).sort();
const resident = async (): Promise<number> =>
  Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${room.daemon.pid}/status`, 'utf8'))?.[1]);
const descriptors = async (): Promise<number> => (await readdir(`/proc/${room.daemon.pid}/fd`)).length;

/** Addresses of containers that are known to run. */
const held = new Map<string, string>();

async function born(client: Client, command: readonly string[], index: number): Promise<string> {
  const { id } = await client.must<{ id: string }>('POST', '/v1/containers', {
    rootfs: room.daemon.rootfs,
    name: `life-${index}`,
    command,
    network: { networks: [{ network: 'few' }], publish: [{ hostPort: 40_000 + index, containerPort: 80 }] },
  });
  await client.must('POST', `/v1/containers/${id}/start`);
  return id;
}

/** One that ends by itself. */
async function shortLife(client: Client, index: number): Promise<void> {
  const id = await born(client, ['ip', 'link', 'show', 'eth0'], index);
  const exit = await client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
  assert.equal(exit.code, 0);
  await client.must('DELETE', `/v1/containers/${id}`);
}

/** One that is ended, and has its addresses for itself from its start until then. */
async function watchedLife(client: Client, index: number): Promise<void> {
  const id = await born(client, ['sleep', '1000000'], index);
  const { endpoints, pid } = await client.must<Networked>('GET', `/v1/containers/${id}`);
  const addresses = [endpoints[0]?.ipv4, endpoints[0]?.ipv6].map((address) => address ?? 'none');
  for (const address of addresses) {
    assert.equal(held.get(address), undefined, `${address} is in two hands`);
    held.set(address, id);
  }
  // What the kernel has, not what the daemon believes.
  const [v4, v6] = await Promise.all(
    ['fib_trie', 'if_inet6'].map((file) => readFile(`/proc/${pid}/net/${file}`, 'utf8')),
  );
  assert.ok(v4?.includes(` ${bare(addresses[0])}\n`), `${addresses[0]}: ${v4}`);
  assert.match(v6 ?? '', new RegExp(`^fd99${'0'.repeat(12)}.* eth0$`, 'm'));
  for (const address of addresses) held.delete(address);
  await client.must('DELETE', `/v1/containers/${id}?force=true`);
}

const bare = (address: string | undefined): string => address?.split('/')[0] ?? '';

async function storm(clients: readonly Client[], lives: number): Promise<void> {
  await Promise.all(
    clients.map(async (client, index) => {
      for (let turn = 0; turn < lives; turn++) await (turn % 2 === 0 ? watchedLife : shortLife)(client, index);
    }),
  );
}

test(`${CLIENTS} clients × ${LIVES} networked lives`, async () => {
  const clients = Array.from({ length: CLIENTS }, () => new Client(room.daemon.socket));
  // The first makes the bridge and the table.
  await storm(clients.slice(0, 1), 1);
  await until('the first is gone', () => !links().some((name) => name.startsWith('tv')));
  const empty = { links: links(), ruleset: ruleset() };
  // A third of the storm warms the daemon: compiled code and caches are not a leak.
  await storm(clients, Math.floor(LIVES / 3));
  const [memory, open] = [await resident(), await descriptors()];
  await storm(clients, LIVES - Math.floor(LIVES / 3));
  for (const client of clients) client.close();
  await until('descriptors are as before', async () => (await descriptors()) <= open);
  const grown = (await resident()) / memory;
  assert.ok(grown < 1.15, `resident memory grew by ${((grown - 1) * 100).toFixed(1)} %`);
  await until('every interface is gone', () => links().join() === empty.links.join());
  assert.equal(ruleset(), empty.ruleset);
  const { containers } = await room.daemon.client.must<{ containers: object }>('GET', '/v1/networks/few');
  assert.deepEqual(containers, {});
  await until('no directory is left', async () => (await readdir(join(room.daemon.root, 'containers'))).length === 0);
  await until('no shim socket is left', async () => (await readdir(join(room.daemon.run, 'c'))).length === 0);
  assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(room.daemon.folder));
});

test('after it every address is free: as many containers as there are addresses', async () => {
  const ids = await until('all are free', async () => {
    const ids: string[] = [];
    for (let last = 2; last < 63; last++) {
      const { status, body } = await room.daemon.client.send<{ id: string }>('POST', '/v1/containers', {
        rootfs: room.daemon.rootfs,
        command: ['true'],
        network: { networks: [{ network: 'few', ipv4: `10.99.0.${last}` }] },
      });
      if (status === 201) ids.push(body.id);
    }
    if (ids.length === 61) return ids;
    await room.remove(...ids);
    return false;
  });
  const { status } = await room.daemon.client.send('POST', '/v1/containers', {
    rootfs: room.daemon.rootfs,
    command: ['true'],
    network: { networks: [{ network: 'few', ipv4: '10.99.0.2' }] },
  });
  assert.equal(status, 409);
  await room.remove(...ids);
});
