import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withAllPublished } from '../../../../daemon/engine/endpoints/exposed.ts';
import { portsOf, takePorts } from '../../../../daemon/engine/endpoints/ports.ts';
import { addressesMeet, publishedOf } from '../../../../daemon/engine/endpoints/published.ts';
import { EPHEMERAL, PortBook } from '../../../../daemon/network/ipam/port-book.ts';
import type { Published } from '../../../../daemon/registry/containers.ts';
import type { PortRow } from '../../../../daemon/registry/ports.ts';
import type { Publish } from '../../../../shared/api/network.ts';

const TARGETS = { ipv4: '10.0.0.2', ipv6: 'fd00::2' };
const NOBODY = { meeting: () => undefined };
const nameOf = (id: string): string => `name of ${id}`;

function wish(publish: readonly Published[], more: Partial<Parameters<typeof portsOf>[0]> = {}) {
  return { container: 'c', publish, targets: TARGETS, publishAddress: undefined, ...more };
}

const tcp = (containerPort: number, hostPort?: number, count = 1): Published => ({
  protocol: 'tcp',
  containerPort,
  count,
  ...(hostPort === undefined ? {} : { hostPort }),
});

test('what is published is canonical, and refused by its field', () => {
  assert.deepEqual(publishedOf([{ containerPort: 80, hostAddress: 'FD00:0::1' }], 'publish'), [
    { protocol: 'tcp', containerPort: 80, count: 1, hostAddress: 'fd00::1' },
  ]);
  const refused = (publish: Publish[], field: string): void => {
    assert.throws(() => publishedOf(publish, 'p'), { code: 'invalid_field', field }, JSON.stringify(publish));
  };
  refused([{ containerPort: 65_535, count: 2 }], 'p[0].count');
  refused([{ containerPort: 1, hostPort: 65_000, count: 1000 }], 'p[0].count');
  refused([{ containerPort: 1, hostAddress: '1.2.3' }], 'p[0].hostAddress');
  const one: Publish = { containerPort: 1, hostPort: 80 };
  refused([one, { containerPort: 2, hostPort: 80 }], 'p[1].hostPort');
  refused([{ containerPort: 1, hostPort: 70, count: 20 }, one], 'p[1].hostPort');
  refused([one, { containerPort: 2, hostPort: 80, hostAddress: '10.0.0.1' }], 'p[1].hostPort');
  publishedOf([one, { ...one, protocol: 'udp' }], 'p');
  publishedOf(
    [
      { ...one, hostAddress: '0.0.0.0' },
      { ...one, hostAddress: '::' },
    ],
    'p',
  );
});

test('overlap is found as by looking at every pair', () => {
  const publish = fc.record({
    containerPort: fc.constant(1),
    hostPort: fc.integer({ min: 1, max: 40 }),
    count: fc.integer({ min: 1, max: 10 }),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    hostAddress: fc.constantFrom('0.0.0.0', '10.0.0.1', '::', 'fd00::1'),
  });
  fc.assert(
    fc.property(fc.array(publish, { maxLength: 8 }), (all) => {
      const meets = all.some((a, i) =>
        all.some(
          (b, j) =>
            i < j &&
            a.protocol === b.protocol &&
            addressesMeet(a.hostAddress, b.hostAddress) &&
            a.hostPort < b.hostPort + b.count &&
            b.hostPort < a.hostPort + a.count,
        ),
      );
      let refused = false;
      try {
        publishedOf(all, 'p');
      } catch {
        refused = true;
      }
      assert.equal(refused, meets);
    }),
  );
});

test('both families where nothing is said, and only those that the container has', () => {
  const book = new PortBook<string>();
  const both = portsOf(wish([tcp(80, 8080)]), { book, nameOf, listeners: NOBODY });
  assert.deepEqual(
    both.map(({ hostAddress, containerAddress }) => [hostAddress, containerAddress]),
    [
      ['0.0.0.0', '10.0.0.2'],
      ['::', 'fd00::2'],
    ],
  );
  const targets = { ipv4: undefined, ipv6: 'fd00::2' };
  const six = portsOf(wish([tcp(80, 8080)], { targets }), { book, nameOf, listeners: NOBODY });
  assert.deepEqual(
    six.map(({ hostAddress }) => hostAddress),
    ['::'],
  );
  const at = portsOf(wish([tcp(80, 8080)], { publishAddress: '127.0.0.1' }), { book, nameOf, listeners: NOBODY });
  assert.deepEqual(
    at.map(({ hostAddress }) => hostAddress),
    ['127.0.0.1'],
  );
});

test('a thousand neighbours are one row a family', () => {
  const book = new PortBook<string>();
  const publish = Array.from({ length: 1000 }, (_, index) => tcp(1000 + index, 2000 + index)).reverse();
  const rows = portsOf(wish(publish), { book, nameOf, listeners: NOBODY });
  assert.deepEqual(
    rows.map(({ hostPort, count, containerPort }) => [hostPort, count, containerPort]),
    [
      [2000, 1000, 1000],
      [2000, 1000, 1000],
    ],
  );
});

test('a port that somebody has is named, with who has it', () => {
  const book = new PortBook<string>();
  takePorts(book, portsOf(wish([tcp(80, 8080)], { container: 'other' }), { book, nameOf, listeners: NOBODY }));
  assert.throws(() => portsOf(wish([tcp(80, 8000, 100)]), { book, nameOf, listeners: NOBODY }), {
    code: 'port_taken',
    message: 'port 0.0.0.0:8080/tcp is taken: container name of other publishes it',
  });
  const listeners = { meeting: () => ({ port: 9000, address: '127.0.0.1' }) };
  assert.throws(() => portsOf(wish([tcp(80, 9000)]), { book, nameOf, listeners }), {
    code: 'port_taken',
    message: 'port 0.0.0.0:9000/tcp is taken: a program of the host listens at 127.0.0.1:9000/tcp',
  });
});

test('a port is chosen where none is given: free in both families, and of no program', () => {
  const book = new PortBook<string>();
  const listeners = {
    meeting: ({ hostPort, count }: { hostPort: number; count: number }) => {
      const port = EPHEMERAL.first;
      return port >= hostPort && port < hostPort + count ? { port, address: '::' } : undefined;
    },
  };
  const rows = portsOf(wish([tcp(80), tcp(90, undefined, 10)]), { book, nameOf, listeners });
  const ports = new Set(rows.map(({ hostPort }) => hostPort));
  assert.equal(rows.length, 4);
  assert.ok(!ports.has(EPHEMERAL.first));
  const first = rows.filter(({ hostAddress }) => hostAddress === '0.0.0.0');
  const [one, ten] = [first.find(({ count }) => count === 1), first.find(({ count }) => count === 10)];
  assert.ok(one !== undefined && ten !== undefined);
  assert.ok(one.hostPort < ten.hostPort || one.hostPort >= ten.hostPort + 10);
});

test('the same wish keeps the port that was chosen for it', () => {
  const book = new PortBook<string>();
  const before = portsOf(wish([tcp(80), tcp(81)]), { book, nameOf, listeners: NOBODY });
  const after = portsOf(wish([tcp(81), tcp(90)], { present: before }), { book, nameOf, listeners: NOBODY });
  const portOf = (rows: typeof before, port: number): number | undefined => {
    const row = rows.find(({ containerPort, count }) => containerPort <= port && port < containerPort + count);
    return row === undefined ? undefined : row.hostPort + port - row.containerPort;
  };
  assert.equal(portOf(after, 81), portOf(before, 81));
});

test('of several ports of the host the first that is free is chosen, and kept', () => {
  const book = new PortBook<string>();
  const several: Published = { ...tcp(80, 8080), hostPortLast: 8081 };
  const of = (container: string, present: readonly PortRow[] = []) =>
    portsOf(wish([several], { container, present }), { book, nameOf, listeners: NOBODY });
  const first = of('a');
  assert.deepEqual([...new Set(first.map(({ hostPort }) => hostPort))], [8080]);
  takePorts(book, first);
  const second = of('b');
  assert.deepEqual([...new Set(second.map(({ hostPort }) => hostPort))], [8081]);
  takePorts(book, second);
  assert.throws(() => of('c'), { code: 'port_taken', message: 'every tcp port from 8080 to 8081 is taken' });
  assert.deepEqual(of('b', second), second);
  const refused = (publish: Publish, field: string): void => {
    assert.throws(() => publishedOf([publish], 'p'), { code: 'invalid_field', field });
  };
  refused({ containerPort: 1, hostPortLast: 5 }, 'p[0].hostPortLast');
  refused({ containerPort: 1, hostPort: 6, hostPortLast: 5 }, 'p[0].hostPortLast');
  refused({ containerPort: 1, hostPort: 4, hostPortLast: 5, count: 2 }, 'p[0].hostPortLast');
});

test('all that is exposed is published, but for what is already; what a stranger wrote counts where it is a port', () => {
  const network = { publishAll: true, expose: ['9/udp'], publish: [{ containerPort: 80, count: 2 }] };
  assert.deepEqual(
    withAllPublished({ network }, ['80/tcp', '81', '82/tcp', '0/tcp', '99999/tcp', 'x/tcp', '1/x']).network,
    {
      ...network,
      publish: [...network.publish, { containerPort: 82, protocol: 'tcp' }, { containerPort: 9, protocol: 'udp' }],
    },
  );
  assert.deepEqual(withAllPublished({ network: { expose: ['9/udp'] } }, ['80/tcp']), {
    network: { expose: ['9/udp'] },
  });
});
