/**
 * What the daemon's nf_tables table lets through and what not, with real packets, in namespaces of this test's own. All
 * of it twice where the kernel can filter bridged packets (br_netfilter): on, as with Docker or Kubernetes on the host,
 * and off.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { systemCall } from '../../native-bindings/libc.ts';
import {
  BRIDGE_MODES,
  each,
  entering,
  FirewallLab,
  gateway,
  isSilent,
  loseLoopback,
  NETWORKS,
  of,
  published,
  reaches,
  setBridgeMode,
  type Inhabitant,
} from '../harness/firewall-lab.ts';
import { HOST, OUTSIDE, setting } from '../harness/network.ts';
import type { Server } from '../harness/place.ts';
import { sctpInit } from '../harness/sctp.ts';
import { until } from '../harness/until.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

const PORT = { web: 8080, bound: 8081, inner: 8082, apart: 8084, loopback: 8085 };
/** A service of the host, at all of its addresses; the next port has one at 127.0.0.1 alone. */
const SERVICE = 9000;

let lab: FirewallLab;
let a1: Inhabitant;
let a2: Inhabitant;
let attacker: Inhabitant;
let b1: Inhabitant;
let inner: Inhabitant;
let p1: Inhabitant;
let p2: Inhabitant;
let hostServer: Server;
let p2Server: Server;
let outsideServer: Server;

before(async () => {
  lab = await FirewallLab.open();
  [a1, a2, attacker] = [await lab.join('a'), await lab.join('a'), await lab.join('a')];
  b1 = await lab.join('b');
  inner = await lab.join('inner');
  [p1, p2] = [await lab.join('apart'), await lab.join('apart')];
  for (const { place } of [a1, a2, b1, inner, p1]) await place.serve('tcp:80', 'udp:80');
  p2Server = await p2.place.serve('tcp:80', 'udp:80');
  hostServer = await lab.host.serve(`tcp:${SERVICE}`, `udp:${SERVICE}`, `udp:127.0.0.1,${SERVICE + 1}`);
  outsideServer = await lab.outside.serve('tcp:80', 'udp:80');
  loseLoopback(attacker.place, gateway('a', 4), gateway('a', 6));
  loseLoopback(lab.outside, HOST.v4, HOST.v6);
  // By p1's way round the bridge.
  p1.place.ip('route', 'add', p2.v4, 'via', gateway('apart', 4));
  p1.place.ip('-6', 'route', 'add', p2.v6, 'via', gateway('apart', 6));
  const ports = [
    ...published('tcp', PORT.web, a1),
    ...published('udp', PORT.web, a1),
    ...published('tcp', PORT.bound, a1, { at: [HOST.second4] }),
    ...published('tcp', PORT.inner, inner),
    ...published('tcp', PORT.apart, p2),
    ...published('tcp', PORT.loopback, a1, { at: ['127.0.0.1', '::1'] }),
  ];
  lab.firewall.apply({ networks: Object.values(NETWORKS), ports });
});
after(() => lab.close());

for (const mode of BRIDGE_MODES) {
  describe(`bridged packets filtered: ${mode}`, () => {
    before(() => setBridgeMode(mode));

    test('to the outside with the address of the host, within a network with the own one', async () => {
      await each(async (protocol, family) => {
        const outside = of(OUTSIDE, family);
        for (const { place } of [a1, b1]) {
          await reaches(place, protocol, outside, 80, { peer: of(HOST, family), at: outside });
        }
        await reaches(a1.place, protocol, of(a2, family), 80, { peer: of(a1, family), at: of(a2, family) });
      });
    });

    test('networks do not reach each other, nor the host at the address of another', async () => {
      await each(async (protocol, family) => {
        await Promise.all([
          isSilent(a1.place, protocol, of(b1, family), 80),
          isSilent(b1.place, protocol, of(a1, family), 80),
          isSilent(a1.place, protocol, gateway('b', family), SERVICE),
        ]);
        for (const address of [gateway('a', family), of(HOST, family)]) {
          await reaches(a1.place, protocol, address, SERVICE, { peer: of(a1, family), at: address });
        }
      });
    });

    test('containers that are kept apart do not reach each other, not even by way of the host', async () => {
      const told = p2Server.seen.length;
      await each((protocol, family) => isSilent(p1.place, protocol, of(p2, family), 80));
      await each((protocol, family) => isSilent(p2.place, protocol, of(p1, family), 80));
      await reaches(lab.outside, 'tcp', HOST.v4, PORT.apart, { peer: OUTSIDE.v4, at: p2.v4 });
      await reaches(lab.outside, 'tcp', HOST.v6, PORT.apart, { peer: OUTSIDE.v6, at: p2.v6 });
      // Nor has anything come that could not be answered.
      await until('p2 tells', () => p2Server.seen.length >= told + 2);
      assert.deepEqual(p2Server.seen.slice(told), [`tcp ${OUTSIDE.v4} ${p2.v4}`, `tcp ${OUTSIDE.v6} ${p2.v6}`]);
      // What br_netfilter turns round below IP is kept apart as all that is bridged.
      if (mode === 'on') return;
      await reaches(p1.place, 'tcp', HOST.v4, PORT.apart, { peer: gateway('apart', 4), at: p2.v4 });
      await reaches(p1.place, 'tcp', HOST.v6, PORT.apart, { peer: gateway('apart', 6), at: p2.v6 });
    });

    test('an internal network: nothing out, nothing in, but for the host', async () => {
      await each(async (protocol, family) => {
        await Promise.all([
          isSilent(inner.place, protocol, of(OUTSIDE, family), 80),
          isSilent(inner.place, protocol, of(a1, family), 80),
          isSilent(inner.place, protocol, of(HOST, family), PORT.web),
          isSilent(a1.place, protocol, of(inner, family), 80),
          isSilent(lab.outside, protocol, of(inner, family), 80),
        ]);
        const own = gateway('inner', family);
        await reaches(lab.host, protocol, of(inner, family), 80, { peer: own, at: of(inner, family) });
        await reaches(inner.place, protocol, own, SERVICE, { peer: of(inner, family), at: own });
      });
      await Promise.all([HOST.v4, HOST.v6].map((address) => isSilent(lab.outside, 'tcp', address, PORT.inner)));
      await isSilent(a1.place, 'tcp', HOST.v4, PORT.inner);
    });

    test('from outside: published ports, with the true source, and nothing else', async () => {
      await each(async (protocol, family) => {
        const seen = { peer: of(OUTSIDE, family), at: of(a1, family) };
        await reaches(lab.outside, protocol, of(HOST, family), PORT.web, seen);
        await Promise.all([
          isSilent(lab.outside, protocol, of(a1, family), 80),
          isSilent(lab.outside, protocol, of(a1, family), PORT.web),
          isSilent(lab.outside, protocol, gateway('a', family), SERVICE),
          isSilent(lab.outside, protocol, gateway('a', family), PORT.web),
        ]);
      });
      await reaches(lab.outside, 'tcp', HOST.second4, PORT.bound, { peer: OUTSIDE.v4, at: a1.v4 });
      for (const port of [PORT.bound, PORT.loopback]) {
        assert.equal(await lab.outside.ask('tcp', HOST.v4, port), 'connect ECONNREFUSED');
      }
    });

    test('a source that does not belong to the bridge goes nowhere', async () => {
      const told = outsideServer.seen.length;
      for (const source of ['10.9.9.9', b1.v4, HOST.v4, OUTSIDE.v4, gateway('a', 4)]) {
        await attacker.place.tell(source, OUTSIDE.v4, 80);
      }
      for (const source of ['fd99::9', b1.v6, HOST.v6, OUTSIDE.v6, gateway('a', 6)]) {
        await attacker.place.tell(source, OUTSIDE.v6, 80);
      }
      // Once what was sent afterwards is there, what was to come before has come.
      await reaches(attacker.place, 'udp', OUTSIDE.v4, 80, { peer: HOST.v4, at: OUTSIDE.v4 });
      await reaches(attacker.place, 'udp', OUTSIDE.v6, 80, { peer: HOST.v6, at: OUTSIDE.v6 });
      await until('the outside tells', () => outsideServer.seen.length >= told + 2);
      assert.deepEqual(outsideServer.seen.slice(told), [
        `udp ${HOST.v4} ${OUTSIDE.v4}`,
        `udp ${HOST.v6} ${OUTSIDE.v6}`,
      ]);
    });

    test('nobody on a wire reaches what is for 127.0.0.1 and ::1 of the host alone, whatever it routes', async () => {
      setting.write('ipv4/conf/up0/route_localnet', '1');
      const told = hostServer.seen.length;
      await Promise.all(
        [attacker.place, lab.outside].flatMap((place) => [
          isSilent(place, 'udp', '127.0.0.1', SERVICE + 1),
          isSilent(place, 'tcp', '127.0.0.1', SERVICE),
          isSilent(place, 'tcp', '127.0.0.1', PORT.loopback),
          isSilent(place, 'tcp', '::1', PORT.loopback),
          isSilent(place, 'tcp', '::1', SERVICE),
        ]),
      );
      await reaches(lab.host, 'udp', '127.0.0.1', SERVICE + 1, { peer: '127.0.0.1', at: '127.0.0.1' });
      await until('the host tells', () => hostServer.seen.length > told);
      assert.deepEqual(hostServer.seen.slice(told), ['udp 127.0.0.1 127.0.0.1']);
    });

    test('a packet that belongs to no connection does not leave with the address of its container', async () => {
      const outside = entering(lab.outsidePid);
      lab.nft(outside, 'add table inet seen');
      lab.nft(outside, 'add chain inet seen input { type filter hook input priority 0 ; }');
      lab.nft(outside, 'add rule inet seen input ip protocol sctp counter');
      const counted = (): string => lab.nft(outside, 'list', 'chain', 'inet', 'seen', 'input');
      const broken = sctpInit(80);
      broken.writeUInt32LE(0, 8);
      lab.sendSctp(a1.pid, OUTSIDE.v4, broken);
      await reaches(a1.place, 'udp', OUTSIDE.v4, 80, { peer: HOST.v4, at: OUTSIDE.v4 });
      assert.match(counted(), /counter packets 0 /);
      lab.sendSctp(a1.pid, OUTSIDE.v4, sctpInit(80));
      await until('one that is whole has come', () => counted().includes('counter packets 1 '));
      lab.nft(outside, 'delete table inet seen');
    });

    test('a rule of the host that drops has the last word, whenever it comes', async () => {
      const world = { peer: OUTSIDE.v4, at: a1.v4 };
      for (const priority of ['-5', '500']) {
        await reaches(lab.outside, 'tcp', HOST.v4, PORT.web, world);
        const rules = `table inet host { chain forward {
          type filter hook forward priority ${priority}; policy accept;
          ct status dnat tcp dport 80 drop
        }
        }`;
        execFileSync('nft', ['-f', '-'], { input: rules });
        await isSilent(lab.outside, 'tcp', HOST.v4, PORT.web);
        execFileSync('nft', ['delete', 'table', 'inet', 'host']);
      }
      await reaches(lab.outside, 'tcp', HOST.v4, PORT.web, world);
    });
  });
}
