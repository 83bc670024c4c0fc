/**
 * Lives with a network. Both daemons are in namespaces of their own, so that neither touches the machine's network;
 * that is why this stage has a daemon of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NetworkRoom, type Listener } from '../../harness/network.ts';
import { until } from '../../harness/until.ts';
import { BenchDockerd } from '../dockerd.ts';
import { LeanClient } from '../lean-client.ts';
import { Samples, timed, type Row } from '../samples.ts';

const BLOCKS = 6;
const BLOCK = 10;
const WARM = 400;
/** dockerd and the kernel go on for a while after its last life: what they do would be counted to whoever is next. */
const SETTLE_MS = 500;
const PORTS = 1000;
const PUBLISHED = 15;
const CONTAINERS = 50;

/** create, start, wait, delete of /bin/true. */
async function life(client: LeanClient, rootfs: string, mode: string): Promise<void> {
  const request = { rootfs, command: ['/bin/true'], network: { mode } };
  const { id } = await client.must<{ id: string }>('POST', '/v1/containers', request);
  await client.must('POST', `/v1/containers/${id}/start`);
  await client.must('GET', `/v1/containers/${id}/wait`);
  await client.must('DELETE', `/v1/containers/${id}`);
}

export async function networkRows(kept: Record<string, Samples>): Promise<Row[]> {
  const dockerd = await BenchDockerd.open();
  try {
    const room = await NetworkRoom.open();
    try {
      const lean = new LeanClient(room.daemon.socket);
      const rows = await lifeRows({ room, lean }, dockerd, kept);
      await lean.close();
      return [...rows, await publishRow(room, kept), await restartRow(room)];
    } finally {
      await room.close();
    }
  } finally {
    await dockerd?.close();
  }
}

async function lifeRows(
  { room, lean }: { readonly room: NetworkRoom; readonly lean: LeanClient },
  dockerd: BenchDockerd | undefined,
  kept: Record<string, Samples>,
): Promise<Row[]> {
  const { rootfs } = room.daemon;
  const samples = (name: string): Samples => (kept[name] = new Samples());
  const contestants: [samples: Samples, life: () => Promise<void>][] = [];
  const contestant = (name: string, one: () => Promise<void>): Samples => {
    const own = samples(name);
    contestants.push([own, one]);
    return own;
  };
  const bridge = contestant('life, bridge', () => life(lean, rootfs, 'bridge'));
  const none = contestant('life, none', () => life(lean, rootfs, 'none'));
  const peers = (dockerd === undefined ? [] : ['bridge', 'named', 'none']).map((network) => ({
    network,
    samples: contestant(`dockerd, ${network}`, () => dockerd!.life(network)),
  }));
  for (let i = 0; i < WARM; i++) await life(lean, rootfs, 'bridge');
  for (let block = 0; block < BLOCKS; block++) {
    for (const [own, one] of contestants) {
      const times: number[] = [];
      for (let i = 0; i < BLOCK; i++) times.push(await timed(one));
      own.add(...times.slice(1));
      await sleep(SETTLE_MS);
    }
  }
  const p50 = (network: string) => peers.find((peer) => peer.network === network)?.samples.p50;
  // Of dockerd's networks those of the user have DNS; its default bridge, which has none, is told beside it.
  const peer = p50('named');
  const without = p50('bridge');
  const named: Record<string, string> = { bridge: 'dockerd bridge without DNS', named: 'with DNS', none: 'none' };
  return [
    {
      what: 'whole life with bridge, address, NAT, DNS, p50 (p90)',
      value: `${bridge.p50.toFixed(1)} ms (${bridge.p90.toFixed(1)}); mode none ${none.p50.toFixed(1)}`,
      beside: peers.map(({ network, samples: { p50: value } }) => `${named[network]} ${value.toFixed(0)}`).join(', '),
      budget:
        peer === undefined
          ? '≤ 1/25 of dockerd (not installed)'
          : `≤ 1/25 of dockerd with DNS: 1/${(peer / bridge.p50).toFixed(1)} (without: 1/${((without ?? 0) / bridge.p50).toFixed(1)})`,
      holds: peer === undefined ? undefined : bridge.p50 <= peer / 25,
    },
  ];
}

/** From nothing to 1,000 ports of a running container, each a mapping of its own, and back. */
async function publishRow(room: NetworkRoom, kept: Record<string, Samples>): Promise<Row> {
  const { id } = await room.idle();
  const publish = Array.from({ length: PORTS }, (_, i) => ({ hostPort: 20_000 + 2 * i, containerPort: 1 + i }));
  const [apart, range, back] = [new Samples(), new Samples(), new Samples()];
  kept['publish 1,000'] = apart;
  const update = (to: unknown[]) =>
    timed(() => room.daemon.client.must('POST', `/v1/containers/${id}/update`, { publish: to }));
  for (let i = 0; i < PUBLISHED; i++) {
    apart.add(await update(publish));
    back.add(await update([]));
    range.add(await update([{ hostPort: 20_000, containerPort: 1, count: PORTS }]));
    await update([]);
  }
  await room.remove(id);
  return {
    what: 'publish 1,000 ports on a running container, p50',
    value: `${apart.p50.toFixed(1)} ms; as one range ${range.p50.toFixed(1)}`,
    beside: `taken back in ${back.p50.toFixed(1)} ms`,
    budget: '≤ 50 ms',
    holds: apart.p50 <= 50,
  };
}

/** kill -9 of the daemon with 50 networked containers: from the start of the next one until it answers for names. */
async function restartRow(room: NetworkRoom): Promise<Row> {
  await room.network('town');
  const all: Listener[] = [];
  for (let i = 0; i < CONTAINERS; i++)
    all.push(await room.listener(['tcp:80'], { name: `c${i}`, network: { networks: [{ network: 'town' }] } }));
  const [first] = all as [Listener];
  await room.daemon.end('SIGKILL');
  const began = performance.now();
  await room.daemon.start();
  const answered = performance.now() - began;
  await until('names resolve', async () =>
    (await first.place.ask('tcp', 'c7', 80, { family: 4, seconds: 0.1 })).startsWith(first.v4),
  );
  const named = performance.now() - began;
  await room.remove(...all);
  return {
    what: `kill -9 with ${CONTAINERS} networked: start to names`,
    value: `${named.toFixed(0)} ms`,
    beside: `the API answers after ${answered.toFixed(0)}`,
    budget: '≤ 1,000 ms',
    holds: named <= 1000,
  };
}
