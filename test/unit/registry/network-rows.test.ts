/** Networks, endpoints, leases, published ports and settings of the host, as rows. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { migrate } from '../../../daemon/registry/migrate.ts';
import { RegistryError } from '../../../daemon/registry/error.ts';
import type { EndpointRow, LiveEndpoint } from '../../../daemon/registry/endpoints.ts';
import type { LeaseRow } from '../../../daemon/registry/leases.ts';
import type { PortRow } from '../../../daemon/registry/ports.ts';
import { Registry } from '../../../daemon/registry/registry.ts';
import { containerRow, documents, identifier, networkRow } from '../engine/rows.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));

let root: string;
let registry: Registry;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-registry-'));
  registry = open();
});
afterEach(() => {
  registry.close();
  rmSync(root, { recursive: true, force: true });
});

function open(): Registry {
  return Registry.open({ root, migrations: MIGRATIONS });
}

function reopen(): void {
  registry.close();
  registry = open();
}

function refusal(kind: RegistryError['kind']) {
  return (error: unknown) => error instanceof RegistryError && error.kind === kind;
}

/** A committed container's id. */
function container(): string {
  const row = containerRow({});
  registry.containers.insert(row, documents);
  return row.id;
}

/** A committed network's id. */
function network(given: Parameters<typeof networkRow>[0] = {}): string {
  const row = networkRow(given);
  registry.networks.insert(row);
  return row.id;
}

const LIVE: LiveEndpoint = {
  hostInterface: 'tvabcd00000001',
  interface: 'eth0',
  mac: '02:42:0a:01:02:03',
  ipv4: '10.1.2.3',
  ipv6: 'fd00::3',
  isDefault: true,
};

function endpoint(of: string, within: string, given: Partial<EndpointRow> = {}): EndpointRow {
  const nothing = { interface: null, mac: null, ipv4: null, ipv6: null, live: null };
  return { container: of, network: within, position: 0, aliases: [], ...nothing, ...given };
}

function lease(within: string, address: string, given: Partial<LeaseRow> = {}): LeaseRow {
  const whose = { container: identifier(), hostInterface: 'tvabcd00000001', isStatic: false };
  return { network: within, family: address.includes(':') ? 6 : 4, address, ...whose, ...given };
}

const byAddress = (rows: readonly { address: string }[]): string[] => rows.map(({ address }) => address).sort();

test('networks come back as they were, oldest first, also after a restart', () => {
  const rows = [
    networkRow({ name: 'second', createdAt: '2026-01-02T00:00:00.000000000Z', internal: true, mtu: 9000 }),
    networkRow({ name: 'first', labels: { a: 'b' }, interContainer: false }),
    networkRow({ name: 'third', createdAt: '2026-01-03T00:00:00.000000000Z', subnets: [] }),
  ];
  registry.commit(() => {
    for (const row of rows) registry.networks.insert(row);
  });
  const expected = [rows[1], rows[0], rows[2]];
  assert.deepEqual(registry.networks.all(), expected);
  reopen();
  assert.deepEqual(registry.networks.all(), expected);
});

test('a name, a bridge, and a family of a network are taken once', () => {
  network({ name: 'web', bridge: 'tare-0' });
  const insert = (given: Parameters<typeof networkRow>[0]) => () => {
    registry.commit(() => {
      registry.networks.insert(networkRow(given));
    });
  };
  assert.throws(insert({ name: 'web', bridge: 'tare-1' }), refusal('name_taken'));
  assert.throws(insert({ name: 'other', bridge: 'tare-0' }), refusal('io'));
  const [subnet] = networkRow({}).subnets;
  assert.ok(subnet !== undefined);
  assert.throws(insert({ subnets: [subnet, subnet] }), refusal('io'));
  assert.equal(registry.networks.all().length, 1);
});

test('an endpoint is what was asked for, and what its run has', () => {
  const [one, other] = [container(), container()];
  const [front, back] = [network(), network()];
  const rows = [
    endpoint(one, front, { interface: 'up0', mac: '02:00:00:00:00:01', aliases: ['db', 'db.local'] }),
    endpoint(one, back, { position: 1, ipv4: '10.1.2.9', ipv6: 'fd00::9' }),
  ];
  for (const row of rows.toReversed()) registry.endpoints.insert(row);
  registry.endpoints.insert(endpoint(other, front));
  assert.deepEqual(registry.endpoints.of(one), rows);
  registry.endpoints.setLive(one, front, LIVE);
  registry.endpoints.setLive(one, back, { ...LIVE, interface: 'eth1', ipv6: null, isDefault: false });
  reopen();
  const [first, second] = registry.endpoints.of(one);
  assert.deepEqual(first, { ...rows[0], live: LIVE });
  assert.deepEqual(second?.live, { ...LIVE, interface: 'eth1', ipv6: null, isDefault: false });
  assert.equal(registry.endpoints.all().length, 3);
  assert.deepEqual(registry.endpoints.ofNetwork(back), [second]);
  assert.deepEqual(registry.endpoints.networks().sort(), [front, back].sort());
  registry.endpoints.clearLive(one, front);
  assert.deepEqual(registry.endpoints.of(one), [rows[0], second]);
  registry.endpoints.clearLive(one);
  assert.deepEqual(registry.endpoints.of(one), rows);
  registry.endpoints.delete(one, front);
  assert.deepEqual(registry.endpoints.of(one), [rows[1]]);
});

test('what an endpoint was in the midst of is known after a restart, until it is done', () => {
  const [one, front, back] = [container(), network(), network()];
  for (const id of [front, back]) registry.endpoints.insert(endpoint(one, id));
  assert.deepEqual(registry.endpoints.intended(), []);
  registry.endpoints.setIntent(one, front, 'connect');
  registry.endpoints.setIntent(one, back, 'disconnect');
  reopen();
  registry.endpoints.setIntent(one, front, null);
  assert.deepEqual(registry.endpoints.intended(), [{ container: one, network: back, intent: 'disconnect' }]);
  registry.endpoints.delete(one, back);
  assert.deepEqual(registry.endpoints.intended(), []);
});

test('a container takes its endpoints and ports along; a network with endpoints stays', () => {
  const of = container();
  const within = network();
  registry.endpoints.insert(endpoint(of, within));
  registry.ports.insert(port(of, 80));
  assert.throws(() => {
    registry.commit(() => {
      registry.networks.delete(within);
    });
  }, refusal('io'));
  registry.containers.delete(of);
  assert.deepEqual(registry.endpoints.all(), []);
  assert.deepEqual(registry.ports.all(), []);
  registry.networks.delete(within);
  assert.deepEqual(registry.networks.all(), []);
});

test('an address is leased once a network', () => {
  const [one, other] = [network(), network()];
  registry.leases.insert(lease(one, '10.1.2.3'));
  const again = (isStatic: boolean) => () => {
    registry.commit(() => {
      registry.leases.insert(lease(one, '10.1.2.4'));
      registry.leases.insert(lease(one, '10.1.2.3', { isStatic }));
    });
  };
  assert.throws(again(false), refusal('address_taken'));
  assert.throws(again(true), refusal('address_taken'));
  registry.leases.insert(lease(other, '10.1.2.3'));
  // the transaction that failed has left nothing
  assert.deepEqual(byAddress(registry.leases.all()), ['10.1.2.3', '10.1.2.3']);
});

test('a dynamic lease ends with its veth, whatever becomes of the container', () => {
  const of = container();
  const within = network();
  const rows = [lease(within, '10.1.2.3', { container: of }), lease(within, 'fd00::3', { container: of })];
  for (const row of rows) registry.leases.insert(row);
  registry.leases.insert(lease(within, '10.1.2.4', { hostInterface: 'tvabcd00000002' }));
  assert.deepEqual(registry.leases.leave(of), []);
  registry.containers.delete(of);
  reopen();
  assert.equal(registry.leases.all().length, 3);
  const freed = registry.leases.releaseInterface('tvabcd00000001');
  assert.deepEqual(byAddress(freed), ['10.1.2.3', 'fd00::3']);
  assert.deepEqual(
    freed.map((one) => [one.network, one.family]).sort(),
    [
      [within, 4],
      [within, 6],
    ].sort(),
  );
  assert.deepEqual(registry.leases.releaseInterface('tvabcd00000001'), []);
  assert.deepEqual(byAddress(registry.leases.all()), ['10.1.2.4']);
});

test('a static lease is the container’s until it leaves, and then the veth’s', () => {
  const of = container();
  const [within, other] = [network(), network()];
  const kept = { container: of, hostInterface: null, isStatic: true };
  for (const row of [lease(within, '10.1.2.9', kept), lease(other, '10.1.3.9', kept)]) registry.leases.insert(row);
  const hosts = () => registry.leases.all().map((row) => [row.address, row.hostInterface, row.isStatic]);
  registry.leases.attach(of, within, 'tvabcd0000000a');
  // ends and starts again: the first veth may go later than the second comes
  registry.leases.attach(of, within, 'tvabcd0000000b');
  assert.deepEqual(registry.leases.releaseInterface('tvabcd0000000a'), []);
  assert.deepEqual(hosts().sort(), [
    ['10.1.2.9', 'tvabcd0000000b', true],
    ['10.1.3.9', null, true],
  ]);
  assert.deepEqual(registry.leases.releaseInterface('tvabcd0000000b'), []);
  registry.leases.attach(of, within, 'tvabcd0000000c');
  assert.deepEqual(byAddress(registry.leases.leave(of, other)), ['10.1.3.9']);
  // removed while its veth is still there
  assert.deepEqual(registry.leases.leave(of), []);
  assert.deepEqual(hosts(), [['10.1.2.9', 'tvabcd0000000c', false]]);
  assert.deepEqual(byAddress(registry.leases.releaseInterface('tvabcd0000000c')), ['10.1.2.9']);
  assert.deepEqual(registry.leases.all(), []);
});

test('a network takes its leases along', () => {
  const within = network();
  registry.leases.insert(lease(within, '10.1.2.3'));
  registry.networks.delete(within);
  assert.deepEqual(registry.leases.all(), []);
});

test('however containers come, run, end and go: an address is one’s, and in the end nobody’s', () => {
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom('start', 'end', 'remove'),
      who: fc.nat({ max: 4 }),
      // whether the veth goes before or after what comes next
      lingers: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(steps, (actions) => {
      const within = network();
      const names = Array.from({ length: 5 }, (_, index) => `${index}`.repeat(64));
      const veths = new Set<string>();
      let next = 0;
      const held = new Map<string, string>();
      const free = (rows: readonly { address: string }[]) => {
        for (const { address } of rows) assert.ok(held.delete(address), `${address} was free already`);
      };
      const gone = (veth: string) => {
        free(registry.leases.releaseInterface(veth));
        veths.delete(veth);
      };
      for (const { kind, who, lingers } of actions) {
        const id = names[who] ?? '';
        if (kind === 'start') {
          const veth = `tv${++next}`;
          // by number: two of three are asked for
          const address = `10.1.2.${who < 3 ? who : 100 + next}`;
          const isStatic = who < 3;
          if (isStatic && registry.leases.all().some((row) => row.address === address && row.isStatic)) {
            registry.leases.attach(id, within, veth);
          } else {
            const row = lease(within, address, { container: id, hostInterface: veth, isStatic });
            if (held.has(address)) assert.throws(() => registry.leases.insert(row));
            else registry.leases.insert(row);
            held.set(address, id);
          }
          veths.add(veth);
        } else if (kind === 'remove') free(registry.leases.leave(id, within));
        if (!lingers) for (const veth of [...veths].slice(0, 1)) gone(veth);
        assert.deepEqual(byAddress(registry.leases.all()), [...held.keys()].sort());
      }
      for (const id of names) free(registry.leases.leave(id));
      for (const veth of [...veths]) gone(veth);
      assert.equal(held.size, 0);
      registry.networks.delete(within);
    }),
    { numRuns: 60 },
  );
});

function port(of: string, hostPort: number, given: Partial<PortRow> = {}): PortRow {
  const to = { container: of, containerAddress: '10.1.2.3', containerPort: hostPort };
  return { protocol: 'tcp', hostAddress: '0.0.0.0', hostPort, count: 1, ...to, ...given };
}

test('ports come back as they were published, and each is published once', () => {
  const [one, other] = [container(), container()];
  const rows = [
    port(one, 80),
    port(one, 80, { hostAddress: '::', containerAddress: 'fd00::3' }),
    port(one, 5000, { protocol: 'udp', count: 1000, containerPort: 6000 }),
    port(other, 81),
  ];
  for (const row of rows) registry.ports.insert(row);
  const sorted = (some: readonly PortRow[]) => some.map((row) => JSON.stringify(Object.entries(row).sort())).sort();
  assert.deepEqual(sorted(registry.ports.all()), sorted(rows));
  assert.throws(() => {
    registry.commit(() => {
      registry.ports.insert(port(other, 80, { count: 5 }));
    });
  }, refusal('port_taken'));
  const [first] = rows;
  assert.ok(first !== undefined);
  registry.ports.delete(first);
  assert.equal(registry.ports.all().length, 3);
  registry.ports.deleteOf(one);
  assert.deepEqual(registry.ports.all(), [rows[3]]);
});

test('a range of ports ends where ports end', () => {
  const of = container();
  registry.ports.insert(port(of, 1, { count: 65_535 }));
  for (const wrong of [port(of, 65_535, { count: 2 }), port(of, 0), port(of, 9, { count: 0 })]) {
    assert.throws(() => {
      registry.commit(() => {
        registry.ports.insert(wrong);
      });
    }, refusal('io'));
  }
});

test('of a setting the first value before it is kept, and the last one set', () => {
  const key = 'net.ipv4.ip_forward';
  registry.hostSettings.record({ key, before: '0', now: '1', at: '2026-01-01T00:00:00.000000000Z' });
  registry.hostSettings.record({ key, before: '5', now: '2', at: '2026-01-02T00:00:00.000000000Z' });
  assert.deepEqual(registry.hostSettings.all(), [{ key, before: '0', now: '2', at: '2026-01-02T00:00:00.000000000Z' }]);
});

test('what the daemon chose is chosen once', () => {
  assert.equal(registry.hostSettings.choice('ula'), undefined);
  registry.hostSettings.choose('ula', 'fd01:2:3::/48');
  reopen();
  assert.equal(registry.hostSettings.choice('ula'), 'fd01:2:3::/48');
  assert.throws(() => {
    registry.commit(() => {
      registry.hostSettings.choose('ula', 'fd00::/48');
    });
  }, refusal('io'));
});

test('events are of containers, of networks, and of both', () => {
  const at = '2026-01-01T00:00:00.000000000Z';
  const [of, within] = [identifier(), identifier()];
  const told = [
    { at, action: 'network_create', network: within, name: 'front', labels: {} },
    { at, action: 'connect', container: of, network: within, name: 'web', labels: {}, detail: 'front' },
    { at, action: 'start', container: of, name: 'web', labels: {} },
  ] as const;
  for (const event of told) registry.events.append(event);
  assert.deepEqual(
    registry.events.after(0, 10),
    told.map((event, index) => ({ sequence: index + 1, ...event })),
  );
});

test('what a tare without networks has recorded is there afterwards', () => {
  const old = mkdtempSync(join(tmpdir(), 'tare-registry-'));
  const migrations = join(old, 'migrations');
  mkdirSync(migrations);
  for (const file of readdirSync(MIGRATIONS).filter((name) => name < '0003')) {
    copyFileSync(join(MIGRATIONS, file), join(migrations, file));
  }
  const database = new Sqlite(join(old, 'tare.db'));
  migrate(database, migrations);
  const at = '2026-01-01T00:00:00.000000000Z';
  const id = identifier();
  database
    .prepare(`INSERT INTO events VALUES (7, ?, 'exec_die', ?, 'web', '{"a":"b"}', 'an-exec', 3, 'detail')`)
    .run(at, id);
  database.close();
  const opened = Registry.open({ root: old, migrations: MIGRATIONS });
  const event = { at, action: 'exec_die', container: id, name: 'web', labels: { a: 'b' } } as const;
  const first = { sequence: 7, ...event, exec: 'an-exec', exitCode: 3, detail: 'detail' };
  assert.deepEqual(opened.events.after(0, 10), [first]);
  assert.equal(opened.events.append({ ...event, action: 'destroy' }).sequence, 8);
  assert.deepEqual(opened.networks.all(), []);
  opened.close();
  rmSync(old, { recursive: true, force: true });
});
