/** What networks and published ports are in the firewall's sets, and what is made of them before the kernel is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findConflict } from '../../../daemon/network/firewall/conflict.ts';
import { describeMapping, membersOfNetworks, membersOfPorts } from '../../../daemon/network/firewall/elements.ts';
import { together, widest } from '../../../daemon/network/firewall/forget.ts';
import { heldBy, missedBy } from '../../../daemon/network/netfilter/conntrack/matches.ts';
import type { NetworkShape, PortMapping } from '../../../daemon/network/types.ts';

const network: NetworkShape = {
  id: 'a'.repeat(64),
  bridge: 'tare-0a1b-0',
  mtu: 1500,
  internal: false,
  interContainer: true,
  subnets: [
    { family: 4, subnet: '10.1.0.0/24', gateway: '10.1.0.1', range: undefined },
    { family: 6, subnet: 'fd01::/64', gateway: 'fd01::1', range: undefined },
  ],
};
const mapping = (more: Partial<PortMapping> = {}): PortMapping => ({
  protocol: 'tcp',
  hostAddress: '0.0.0.0',
  hostPort: 8080,
  count: 1,
  containerAddress: '10.1.0.2',
  containerPort: 80,
  ...more,
});

/** By the set's name. */
const listed = (members: ReturnType<typeof membersOfPorts>): Record<string, unknown> =>
  Object.fromEntries(members.map(({ set, elements }) => [set.name, elements]));

test('a network is its bridge, its gateways and its subnets', () => {
  assert.deepEqual(listed(membersOfNetworks([network])), {
    bridges: [{ key: ['tare-0a1b-0'] }],
    within: [{ key: ['tare-0a1b-0', 'tare-0a1b-0'] }],
    gateways4: [{ key: ['10.1.0.1'] }],
    gateways6: [{ key: ['fd01::1'] }],
    subnets4: [{ key: ['tare-0a1b-0', '10.1.0.0/24'] }],
    subnets6: [{ key: ['tare-0a1b-0', 'fd01::/64'] }],
  });
  const closed = listed(membersOfNetworks([{ ...network, internal: true, interContainer: false, subnets: [] }]));
  assert.deepEqual(closed.internal, [{ key: ['tare-0a1b-0'] }]);
  assert.deepEqual(closed.apart, [{ key: ['tare-0a1b-0'] }]);
});

test('a published port is one element, of the map of its family and its kind of address', () => {
  const members = membersOfPorts([
    mapping({ count: 2 }),
    mapping({ hostAddress: '::', containerAddress: 'fd01::2', protocol: 'udp' }),
    mapping({ hostAddress: '192.0.2.1' }),
    mapping({ hostAddress: '::1', containerAddress: 'fd01::2' }),
  ]);
  assert.deepEqual(listed(members), {
    ports4: [
      { key: ['tcp', 8080], data: ['10.1.0.2', 80] },
      { key: ['tcp', 8081], data: ['10.1.0.2', 81] },
    ],
    ports6: [{ key: ['udp', 8080], data: ['fd01::2', 80] }],
    bound4: [{ key: ['192.0.2.1', 'tcp', 8080], data: ['10.1.0.2', 80] }],
    bound6: [{ key: ['::1', 'tcp', 8080], data: ['fd01::2', 80] }],
  });
});

test('as many elements as ports, each to its own', () => {
  const ports = fc.integer({ min: 1, max: 200 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      hostPort: fc.integer({ min: 1, max: 65_536 - count }),
      containerPort: fc.integer({ min: 1, max: 65_536 - count }),
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
      hostAddress: fc.constantFrom('0.0.0.0', '192.0.2.1'),
    }),
  );
  fc.assert(
    fc.property(ports, (fields) => {
      const [members, ...more] = membersOfPorts([mapping(fields)]);
      assert.equal(more.length, 0);
      const pairs = members?.elements.map(({ key, data }): unknown[] => [
        key.at(-1),
        Array.isArray(data) ? data[1] : undefined,
      ]);
      const wanted = Array.from({ length: fields.count }, (_, at) => [fields.hostPort + at, fields.containerPort + at]);
      assert.deepEqual(pairs, wanted);
    }),
  );
});

test('the conflict is the first mapping with a port that leads elsewhere', () => {
  const there = membersOfPorts([mapping({ count: 3 })]);
  const list = (set: unknown) => there.find((members) => members.set === set)?.elements ?? [];
  const same = mapping({ hostPort: 8081, containerPort: 81 });
  const other = mapping({ hostPort: 8079, count: 2, containerPort: 79, containerAddress: '10.1.0.3' });
  assert.equal(findConflict([same], [], list), undefined);
  assert.equal(findConflict([same, other], [], list), other);
  assert.equal(findConflict([other], [mapping()], list), undefined);
  const first = mapping({ hostPort: 1 });
  const second = mapping({ hostPort: 1, containerPort: 81 });
  assert.equal(findConflict([first, second], [], list), second);
});

test('flows of many ports are looked for in one walk', () => {
  const many = Array.from({ length: 50 }, (_, at) => mapping({ protocol: 'udp', hostPort: 9000 + 2 * at }));
  const held = together(many.map(heldBy), (filters) => filters);
  assert.equal(held.length, 1);
  assert.deepEqual(held[0]?.filters, heldBy(many[0] ?? mapping()).filters);
  const missed = together(many.flatMap((one) => missedBy(one) ?? []), widest); // prettier-ignore
  assert.deepEqual(
    missed.map(({ filters }) => filters),
    [[{ direction: 'original', protocol: 17 }]],
  );
  const flow = (destinationPort: number) => {
    const original = { source: '192.0.2.2', destination: '192.0.2.1', protocol: 17, sourcePort: 5, destinationPort };
    const reply = { ...original, source: '192.0.2.1', destination: '192.0.2.2', sourcePort: destinationPort };
    return { original, reply, status: 0, identity: [] };
  };
  assert.deepEqual([9000, 9001, 9098].map((port) => missed[0]?.matches(flow(port))), [true, false, true]); // prettier-ignore
  const [alone] = together([heldBy(mapping({ protocol: 'udp' }))], widest);
  assert.equal(alone?.filters[0]?.source, '10.1.0.2');
});

test('mappings are told as people write them', () => {
  assert.equal(describeMapping(mapping()), 'tcp 0.0.0.0:8080 to 10.1.0.2:80');
  const six = mapping({ hostAddress: '::', containerAddress: 'fd01::2', count: 3 });
  assert.equal(describeMapping(six), 'tcp [::]:8080-8082 to [fd01::2]:80-82');
});
