/** Tracked connections are forgotten by our own netlink, in a network of this test's own: the machine's are not touched. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { forgetFlows, listFlows } from '../../daemon/network/netfilter/conntrack/forget.ts';
import { heldBy, missedBy, ofAddress } from '../../daemon/network/netfilter/conntrack/matches.ts';
import { Nftables } from '../../daemon/network/netfilter/nftables/connection.ts';
import { addElements, deleteElements } from '../../daemon/network/netfilter/nftables/elements.ts';
import { mapped, meta, payload } from '../../daemon/network/netfilter/nftables/loads.ts';
import { addChain, addRule, addTable, deleteTable, PRIORITY } from '../../daemon/network/netfilter/nftables/objects.ts';
import type { TableName } from '../../daemon/network/netfilter/nftables/protocol.ts';
import { addSet } from '../../daemon/network/netfilter/nftables/sets.ts';
import * as say from '../../daemon/network/netfilter/nftables/statements.ts';
import type { PortMapping } from '../../daemon/network/types.ts';
import { systemCall } from '../../native-bindings/libc.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

let nftables: Nftables;
before(() => {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  nftables = Nftables.open();
});
after(() => {
  nftables.close();
});

/** A table of that name, without the rest of the world. */
function freshTable(name: string): TableName {
  const table: TableName = { family: 'inet', table: name };
  nftables.transaction([deleteTable(table, { tolerant: true }), addTable(table, { exclusive: true })]);
  return table;
}

/** A UDP socket; what it is sent it sends back. */
async function echo(address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (words, { port: to, address: from }) => socket.send(words, to, from));
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** Sends to an address and gives where the answer came from. */
async function ask(socket: Socket, address: string, port: number): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  const answer = once(socket, 'message', { signal }) as Promise<[Buffer, { address: string; port: number }]>;
  socket.send('hello', port, address);
  const [, from] = await answer;
  return `${from.address} ${from.port}`;
}

const mapping = (hostAddress: string, containerAddress: string, containerPort: number): PortMapping => ({
  protocol: 'udp',
  hostAddress,
  hostPort: 5300,
  count: 10,
  containerAddress,
  containerPort,
});

const tracked = (text: string): string[] =>
  readFileSync('/proc/thread-self/net/nf_conntrack', 'utf8').split('\n').filter((line) => line.includes(text)); // prettier-ignore

for (const { family, host, any, first, second } of [
  { family: 'ipv4', host: '127.0.0.1', any: '0.0.0.0', first: '127.0.0.2', second: '127.0.0.3' },
  { family: 'ipv6', host: '::1', any: '::', first: 'fd00::2', second: 'fd00::3' },
] as const) {
  void test(`${family}: flows that a mapping holds or missed are forgotten, and no others`, async () => {
    if (family === 'ipv6') {
      for (const address of [first, second])
        execFileSync('ip', ['address', 'add', `${address}/128`, 'dev', 'lo', 'nodad']);
    }
    const table = freshTable('flows');
    const type = `${family}_addr` as const;
    const map = { name: 'map', key: [type, 'inet_service'], data: [type, 'inet_service'] } as const;
    const destination = payload(family === 'ipv4' ? 'ip daddr' : 'ip6 daddr');
    const rule = [
      say.is(meta('nfproto'), family),
      say.is(meta('l4proto'), 'udp'),
      say.dnat(mapped([destination, payload('th dport')], map)),
    ];
    const key = [host, 5303] as const;
    nftables.transaction([
      addChain(table, 'output', { base: { type: 'nat', hook: 'output', priority: PRIORITY.dstnat } }),
      addSet(table, map),
      addRule(table, 'output', rule),
    ]);
    const client = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
    const sockets = [client];
    try {
      client.bind(0, host);
      await once(client, 'listening');
      for (const [address, port] of [[first, 6303], [second, 6303], [host, 5303], [host, 7000]] as const) {
        sockets.push(await echo(address, port));
      } // prettier-ignore
      // Answers come from where the question went, whoever gave them: which it was, conntrack tells.
      await ask(client, host, 7000);
      const answers = async (): Promise<string[]> => {
        await ask(client, host, 5303);
        const all = { family: family === 'ipv4' ? 4 : 6, filters: [{ direction: 'original', protocol: 17 }] } as const;
        const flows = await listFlows({ ...all, matches: ({ original }) => original.destinationPort === 5303 });
        return flows.map(({ reply }) => `${reply.source} ${reply.sourcePort}`);
      };
      assert.deepEqual(await answers(), [`${host} 5303`]);
      const one = mapping(host, first, 6300);
      nftables.transaction([addElements(table, map, [{ key, data: [first, 6303] }])]);
      // The flow is older than the mapping.
      assert.deepEqual(await answers(), [`${host} 5303`]);
      assert.deepEqual(await forgetFlows(heldBy(one)), { count: 0, reason: undefined });
      assert.deepEqual(await forgetFlows(missedBy(one) ?? assert.fail()), { count: 1, reason: undefined });
      assert.deepEqual(await answers(), [`${first} 6303`]);
      assert.equal((await forgetFlows(missedBy(one) ?? assert.fail())).count, 0);
      // Another container gets the port.
      nftables.transaction([
        deleteElements(table, map, [key]),
        addElements(table, map, [{ key, data: [second, 6303] }]),
      ]);
      assert.deepEqual(await answers(), [`${first} 6303`]);
      assert.equal((await forgetFlows(heldBy({ ...one, hostPort: 5304 }))).count, 0);
      assert.equal((await forgetFlows(heldBy({ ...one, hostAddress: second }))).count, 0);
      assert.equal((await forgetFlows(heldBy({ ...one, hostAddress: any }))).count, 1);
      assert.deepEqual(await answers(), [`${second} 6303`]);
      assert.equal((await forgetFlows(missedBy({ ...one, hostAddress: any }) ?? assert.fail())).count, 1);
      assert.deepEqual(await answers(), [`${second} 6303`]);
      // The flow to port 7000 is nobody's business, and an address takes all of its own with it.
      assert.equal(tracked('dport=7000').length, 1);
      assert.equal((await forgetFlows(ofAddress(second))).count, 1);
      assert.equal(tracked('dport=5303').length, 0);
      assert.equal(tracked('dport=7000').length, 1);
      assert.equal((await forgetFlows(ofAddress(host))).count, 1);
    } finally {
      for (const socket of sockets) socket.close();
      nftables.transaction([deleteTable(table)]);
    }
  });
}
