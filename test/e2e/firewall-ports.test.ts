/**
 * Published ports, reached from wherever their users are, in namespaces of this test's own; twice, as firewall.test.ts
 * has it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { systemCall } from '../../native-bindings/libc.ts';
import {
  BRIDGE_MODES,
  each,
  entering,
  FAMILIES,
  FirewallLab,
  gateway,
  LOOPBACK,
  NETWORKS,
  of,
  published,
  reaches,
  setBridgeMode,
  type Inhabitant,
} from '../harness/firewall-lab.ts';
import { HOST, OUTSIDE } from '../harness/network.ts';
import { sctpInit } from '../harness/sctp.ts';
import { until } from '../harness/until.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

const WEB = 8080;
const UNPUBLISHED = 8099;

let lab: FirewallLab;
let a1: Inhabitant;
let a2: Inhabitant;
let b1: Inhabitant;

before(async () => {
  lab = await FirewallLab.open();
  [a1, a2, b1] = [await lab.join('a'), await lab.join('a'), await lab.join('b')];
  await a1.place.serve('tcp:80', 'udp:80', 'udp:81');
  lab.firewall.apply({ networks: Object.values(NETWORKS), ports: [] });
  lab.firewall.publish([...published('tcp', WEB, a1), ...published('udp', WEB, a1)]);
});
after(() => lab.close());

/** A server in the container that sends back what it gets; ends what `during` has begun. */
async function withEcho({ pid }: Inhabitant, port: number, during: () => Promise<void>): Promise<void> {
  const code = `require('net').createServer((s) => s.pipe(s)).listen(${port}, '::', () => console.log('ready'))`;
  const [enter = '', ...words] = entering(pid);
  const server = spawn(enter, [...words, process.execPath, '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data');
    await during();
  } finally {
    const ended = once(server, 'close');
    server.kill('SIGKILL');
    await ended;
  }
}

/** The hash of what comes back. */
async function echoed(host: string, port: number, bytes: Buffer): Promise<string> {
  const socket = connect({ host, port, allowHalfOpen: true });
  const hash = createHash('sha256');
  socket.on('data', (chunk: Buffer) => hash.update(chunk));
  socket.end(bytes);
  await once(socket, 'end');
  return hash.digest('hex');
}

for (const mode of BRIDGE_MODES) {
  describe(`bridged packets filtered: ${mode}`, () => {
    before(() => setBridgeMode(mode));

    test('from another host: with its true source', async () => {
      await each((protocol, family) =>
        reaches(lab.outside, protocol, of(HOST, family), WEB, { peer: of(OUTSIDE, family), at: of(a1, family) }),
      );
    });

    test('from the host, by each of its addresses, 127.0.0.1 and ::1 among them', async () => {
      await each(async (protocol, family) => {
        const at = of(a1, family);
        await reaches(lab.host, protocol, of(LOOPBACK, family), WEB, { peer: gateway('a', family), at });
        for (const address of [of(HOST, family), gateway('a', family), gateway('b', family)]) {
          await reaches(lab.host, protocol, address, WEB, { peer: address, at });
        }
        assert.match(await lab.host.ask(protocol, of(LOOPBACK, family), UNPUBLISHED), / ECONNREFUSED$/);
      });
    });

    test('where nobody listens in the container it is refused at once, on 127.0.0.1 and ::1 too', async () => {
      const mappings = [
        ...published('tcp', 8090, a1, { containerPort: 7 }),
        ...published('udp', 8090, a1, { containerPort: 7 }),
      ];
      lab.firewall.publish(mappings);
      await each(async (protocol, family) => {
        for (const address of [of(LOOPBACK, family), of(HOST, family)]) {
          assert.match(await lab.host.ask(protocol, address, 8090), / ECONNREFUSED$/);
        }
      });
      lab.firewall.unpublish(mappings);
    });

    test('from containers: of another network with the true source, of the same one, of the one itself', async () => {
      await each(async (protocol, family) => {
        const at = of(a1, family);
        const [one, other] = [gateway('a', family), gateway('b', family)];
        for (const address of [of(HOST, family), one, other]) {
          await reaches(b1.place, protocol, address, WEB, { peer: of(b1, family), at });
        }
        for (const { place } of [a2, a1]) {
          for (const address of [of(HOST, family), one])
            await reaches(place, protocol, address, WEB, { peer: one, at });
        }
      });
    });

    test('megabytes arrive as they were, on every way', async () => {
      const mappings = published('tcp', 8091, a2, { containerPort: 90 });
      lab.firewall.publish(mappings);
      await withEcho(a2, 90, async () => {
        for (const family of FAMILIES) {
          for (const address of [of(LOOPBACK, family), of(HOST, family), of(a2, family)]) {
            const bytes = randomBytes(4 << 20);
            const port = address === of(a2, family) ? 90 : 8091;
            assert.equal(await echoed(address, port, bytes), createHash('sha256').update(bytes).digest('hex'), address);
          }
        }
      });
      lab.firewall.unpublish(mappings);
    });

    test('a client that does not stop sending UDP finds the port when it is published, and loses it after', async () => {
      const server = createSocket('udp4');
      const client = createSocket('udp4');
      const onHost: string[] = [];
      const answers: string[] = [];
      server.on('message', (message) => onHost.push(message.toString()));
      client.on('message', (message) => answers.push(message.toString()));
      server.bind(8092, '127.0.0.1');
      await once(server, 'listening');
      const ask = (): void => client.send('\n', 8092, '127.0.0.1');
      const mappings = published('udp', 8092, a1, { containerPort: 81 });
      // The host's own service is what the flow belongs to at first.
      await until('the host hears', () => (ask(), onHost.length > 0));
      lab.firewall.publish(mappings);
      await until('the container answers', () => (ask(), answers.length > 0));
      assert.deepEqual(answers.slice(0, 1), [`${gateway('a', 4)} ${a1.v4}\n`]);
      lab.firewall.unpublish(mappings);
      const heard = onHost.length;
      await until('the host hears again', () => (ask(), onHost.length > heard));
      server.close();
      client.close();
    });
  });
}

test('SCTP leads to the container with the true source', async () => {
  const mappings = published('sctp', 8093, a1);
  lab.firewall.publish(mappings);
  const [enter = '', ...words] = entering(a1.pid);
  const nft = (...more: string[]): string => lab.nft([enter, ...words], ...more);
  nft('add table inet seen');
  nft('add chain inet seen input { type filter hook input priority 0 ; }');
  nft(`add rule inet seen input ip saddr ${OUTSIDE.v4} ip daddr ${a1.v4} sctp dport 80 counter`);
  await until('the INIT has come', () => {
    lab.sendSctp(lab.outsidePid, HOST.v4, sctpInit(8093));
    return /counter packets [1-9]/.test(nft('list chain inet seen input'));
  });
  lab.firewall.unpublish(mappings);
});
