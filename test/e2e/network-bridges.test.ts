/**
 * A network of more containers than a bridge may have: further bridges, joined to the first. A bridge has two here. All
 * of it twice where the kernel can filter bridged packets (br_netfilter): on, as with Docker on the host, and off.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BRIDGE_MODES, each, isSilent, of, setBridgeMode } from '../harness/firewall-lab.ts';
import { HOST, NetworkRoom, OUTSIDE, type Listener } from '../harness/network.ts';
import type { Server } from '../harness/place.ts';
import { until } from '../harness/until.ts';

const BRIDGE_PORTS = 2;
const COUNT = 5;
const PORT = 8080;

let folder: string;
let room: NetworkRoom;
let world: Server;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tare-config-'));
  const config = join(folder, 'tared.json');
  writeFileSync(config, JSON.stringify({ bridgePorts: BRIDGE_PORTS }));
  room = await NetworkRoom.open({ args: ['--config', config] });
  world = await room.outside.serve('tcp:80', 'udp:80');
});
after(async () => {
  await world.end();
  await room.close();
  rmSync(folder, { recursive: true });
});

interface ShownLink {
  readonly ifindex: number;
  readonly ifname: string;
  /** Of a container's interface: the number of its other end. */
  readonly link_index?: number;
  readonly master?: string;
}

const links = (): ShownLink[] => JSON.parse(room.host.ip('-j', 'link')) as ShownLink[];
/** Of the daemon: bridges, what joins them, and containers' ends. */
const ours = (pattern = /^(tare-|tp|tq|tv)/): string[] =>
  links()
    .map(({ ifname }) => ifname)
    .filter((name) => pattern.test(name))
    .sort();
const BETWEEN = /^(tare-|tp|tq)/;
async function bridgeOf({ id }: Listener): Promise<string | undefined> {
  const place = await room.networkOf(id);
  const [inside] = JSON.parse(place.ip('-j', 'link', 'show', 'eth0')) as ShownLink[];
  return links().find(({ ifindex }) => ifindex === inside?.link_index)?.master;
}

/** How many containers each bridge has. */
function crowds(): number[] {
  const counts = new Map<string, number>();
  for (const { ifname, master = '' } of links())
    if (ifname.startsWith('tv')) counts.set(master, (counts.get(master) ?? 0) + 1);
  return [...counts.values()].sort();
}

const publish = ['tcp', 'udp'].map((protocol) => ({ hostPort: PORT, containerPort: 80, protocol }));

/** The fourth is on a further bridge, with the third, and publishes a port. */
async function crowd(name: string, network: string): Promise<Listener[]> {
  const listeners: Listener[] = [];
  for (let index = 0; index < COUNT; index++) {
    const wish = { networks: [{ network }], ...(index === 3 ? { publish } : {}) };
    listeners.push(await room.listener(['tcp:80', 'udp:80'], { name: `${name}-${index}`, network: wish }));
  }
  return listeners;
}

async function publishedAnswers({ v4, v6 }: Listener): Promise<void> {
  await each(async (protocol, family) => {
    const address = of({ v4, v6 }, family);
    assert.equal(
      await room.outside.ask(protocol, of(HOST, family), PORT),
      `${of(OUTSIDE, family)} ${address}`,
      `${protocol} from outside`,
    );
    const here = await room.host.ask(protocol, family === 4 ? '127.0.0.1' : '::1', PORT);
    assert.ok(here.endsWith(` ${address}`), `${protocol} IPv${family} from the host: ${here}`);
  });
}

async function allReachAll(listeners: readonly Listener[], name: string): Promise<void> {
  for (const from of listeners) {
    for (const [index, to] of listeners.entries()) {
      await each(async (protocol, family) => {
        const answer = await from.place.ask(protocol, `${name}-${index}`, 80, { family });
        assert.equal(answer, `${of(from, family)} ${of(to, family)}`, `${protocol} IPv${family} to ${name}-${index}`);
      });
    }
  }
}

for (const mode of BRIDGE_MODES) {
  describe(`bridged packets filtered: ${mode}`, () => {
    let listeners: Listener[];
    before(async () => {
      setBridgeMode(mode);
      await room.network('wide');
      listeners = await crowd('w', 'wide');
    });

    test('five on three bridges reach each other by name, and the world', async () => {
      assert.deepEqual(crowds(), [1, 2, 2]);
      await allReachAll(listeners, 'w');
      for (const { place } of listeners) {
        await each(async (protocol, family) => {
          const far = family === 4 ? OUTSIDE.far4 : OUTSIDE.far6;
          assert.equal(await place.ask(protocol, far, 80), `${of(HOST, family)} ${far}`);
        });
      }
    });

    test('a port published on a further bridge answers outside, the host, and containers of other bridges', async () => {
      const [first, , , fourth, fifth] = listeners as [Listener, Listener, Listener, Listener, Listener];
      await publishedAnswers(fourth);
      for (const { place } of [first, fifth]) {
        await each(async (protocol, family) => {
          const answer = await place.ask(protocol, of(HOST, family), PORT);
          assert.ok(answer.endsWith(` ${of(fourth, family)}`), `${protocol} IPv${family}: ${answer}`);
        });
      }
    });

    test('killed and started again, the daemon knows which bridge has room', async () => {
      const [first, , , fourth, fifth] = listeners as [Listener, Listener, Listener, Listener, Listener];
      const before = ours(BETWEEN);
      const askers = [
        [first.place.keepAsking('tcp', fifth.v4, 80), `${first.v4} ${fifth.v4}`],
        [fifth.place.keepAsking('udp', fourth.v6, 80), `${fifth.v6} ${fourth.v6}`],
        [room.outside.keepAsking('tcp', HOST.v6, PORT), `${OUTSIDE.v6} ${fourth.v6}`],
      ] as const;
      await room.daemon.end('SIGKILL');
      await publishedAnswers(fourth);
      await room.daemon.start();
      await until('names resolve again', async () =>
        (await first.place.ask('tcp', 'w-4', 80, { family: 4, seconds: 0.5 })).endsWith(` ${fifth.v4}`),
      );
      const network = { networks: [{ network: 'wide' }] };
      const sixth = await room.listener(['tcp:80', 'udp:80'], { name: 'w-5', network });
      assert.deepEqual(crowds(), [2, 2, 2]);
      assert.deepEqual(ours(BETWEEN), before);
      const seventh = await room.listener(['tcp:80', 'udp:80'], { name: 'w-6', network });
      assert.deepEqual(crowds(), [1, 2, 2, 2]);
      listeners.push(sixth, seventh);
      await allReachAll(listeners, 'w');
      for (const [asker, expected] of askers) assert.equal(await asker.end(), expected);
      await publishedAnswers(fourth);
    });

    test('a port of a bridge that is free again is used again', async () => {
      const [first] = listeners as [Listener];
      const bridge = await bridgeOf(first);
      await room.remove(first);
      listeners[0] = await until('the next one is where it was', async () => {
        const network = { networks: [{ network: 'wide' }] };
        const next = await room.listener(['tcp:80', 'udp:80'], { name: 'w-0', network });
        if ((await bridgeOf(next)) === bridge) return next;
        await room.remove(next);
        return false;
      });
      await allReachAll(listeners, 'w');
    });

    test('the network goes with all its bridges', async () => {
      await room.remove(...listeners);
      await room.daemon.client.must('DELETE', '/v1/networks/wide');
      await until('no interface is left', () => ours().length === 0);
    });

    test('without interContainer they are apart from bridge to bridge too, and reach the world', async () => {
      await room.network('apart', { interContainer: false });
      const apart = await crowd('a', 'apart');
      assert.deepEqual(crowds(), [1, 2, 2]);
      await Promise.all(
        apart.flatMap((from) =>
          apart
            .filter((to) => to !== from)
            .flatMap((to) => [
              isSilent(from.place, 'tcp', to.v4, 80),
              isSilent(from.place, 'tcp', to.v6, 80),
              isSilent(from.place, 'udp', to.v4, 80),
            ]),
        ),
      );
      for (const { place } of apart) {
        assert.equal(await place.ask('tcp', OUTSIDE.far4, 80), `${HOST.v4} ${OUTSIDE.far4}`);
        assert.equal(await place.ask('udp', OUTSIDE.far6, 80), `${HOST.v6} ${OUTSIDE.far6}`);
      }
      await publishedAnswers(apart[3]!);
      await room.remove(...apart);
      await room.daemon.client.must('DELETE', '/v1/networks/apart');
      await until('no interface is left', () => ours().length === 0);
    });
  });
}
