import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileMounts } from '../../../../daemon/engine/endpoints/container-mounts.ts';
import { macFor } from '../../../../daemon/engine/endpoints/live.ts';
import { endpointWishes, interfaceNames, networkingOf, wishOf } from '../../../../daemon/engine/endpoints/wish.ts';
import { Network } from '../../../../daemon/engine/networks/network.ts';
import type { ContainerNetwork } from '../../../../shared/api/network.ts';
import { identifier } from '../rows.ts';

const network = (name: string): Network =>
  new Network({
    id: identifier(),
    name,
    bridge: `br-${name}`,
    internal: false,
    interContainer: true,
    mtu: 1500,
    labels: {},
    createdAt: '2026-01-01T00:00:00.000000000Z',
    subnets: [{ family: 4, subnet: '10.0.0.0/24', gateway: '10.0.0.1', range: undefined }],
  });
const BLUE = network('blue');
const RED = network('red');
const networks = { find: (ref: string) => (ref === 'blue' ? BLUE : RED), default: () => BLUE };

function refused(asked: ContainerNetwork, field: string): void {
  assert.throws(() => endpointWishes(asked, [], networks), { code: 'invalid_field', field }, field);
}

test('networks: the default where none is named, none twice, modes are none', () => {
  assert.deepEqual(
    endpointWishes(undefined, [], networks).map((wish) => wish.network.name),
    ['blue'],
  );
  refused({ networks: [{ network: 'blue' }, { network: 'blue' }] }, 'network.networks[1].network');
  refused({ networks: [{ network: 'none' }] }, 'network.networks[0].network');
  refused({ networks: [{ network: 'host' }] }, 'network.networks[0].network');
  const named = [
    { network: 'blue', interface: 'lan' },
    { network: 'red', interface: 'lan' },
  ];
  refused({ networks: named }, 'network.networks[1].interface');
  refused({ networks: [{ network: 'blue', interface: 'lo' }] }, 'network.networks[0].interface');
  assert.throws(() => endpointWishes({ networks: [named[0]!] }, [{ name: 'lan' }], networks), {
    field: 'interfaces[0].name',
  });
});

test('what is asked of a network is checked by its field', () => {
  const wish = wishOf(BLUE, { aliases: ['DB', 'db'], mac: '02:AA:00:00:00:01' }, '');
  assert.deepEqual([wish.aliases, wish.mac], [['db'], '02:aa:00:00:00:01']);
  assert.throws(() => wishOf(BLUE, { mac: '01:00:00:00:00:01' }, ''), { field: 'mac' });
  assert.throws(() => wishOf(BLUE, { interface: 'ö'.repeat(8) }, 'x'), { field: 'x.interface' });
});

test('interfaces are called as asked, the others eth0, eth1 and so on, and none twice', () => {
  const of = (...names: (string | null)[]) => names.map((name) => ({ interface: name }));
  assert.deepEqual(interfaceNames(of(null, null)), ['eth0', 'eth1']);
  assert.deepEqual(interfaceNames(of(null, 'eth0', null)), ['eth1', 'eth0', 'eth2']);
  assert.deepEqual(interfaceNames(of(null), new Set(['eth0', 'eth1'])), ['eth2']);
});

test('an address has one hardware address', () => {
  assert.equal(macFor('10.1.2.255'), '02:42:0a:01:02:ff');
  assert.equal(macFor('fd00::1:2'), '02:42:00:01:00:02');
});

test('hosts, servers and interfaces are refused where they have no meaning', () => {
  const hosts: ContainerNetwork = { hosts: [{ name: 'a', address: 'host-gateway' }] };
  assert.throws(() => networkingOf({ network: hosts }, { is: 'none' }), { field: 'network.hosts[0].address' });
  networkingOf({ network: hosts }, { is: 'bridge' });
  const servers: ContainerNetwork = { dns: { servers: ['1.2.3.4', '1.2.3'] } };
  assert.throws(() => networkingOf({ network: servers }, { is: 'bridge' }), { field: 'network.dns.servers[1]' });
  const interfaces = [{ name: 'lan', add: 'dummy' }];
  assert.throws(() => networkingOf({ interfaces }, { is: 'host' }), { field: 'interfaces' });
});

test('files for names are bound where links of the root lead, and never over proc, sys or dev', () => {
  const path = mkdtempSync(join(tmpdir(), 'tare-files-'));
  try {
    mkdirSync(join(path, 'etc'));
    writeFileSync(join(path, 'etc/hosts'), '');
    symlinkSync('../run/systemd/resolve/stub-resolv.conf', join(path, 'etc/resolv.conf'));
    symlinkSync('/proc/1/environ', join(path, 'etc/hostname'));
    const places = (root: { path: string; isFixed: boolean }, taken: readonly string[] = []) => {
      const { mounts, warnings } = fileMounts(root, '/run/n', taken);
      return [mounts.map(({ source, destination }) => [source, destination]), warnings.length];
    };
    const resolv = ['/run/n/resolv.conf', '/run/systemd/resolve/stub-resolv.conf'];
    assert.deepEqual(places({ path, isFixed: false }), [[['/run/n/hosts', '/etc/hosts'], resolv], 1]);
    assert.deepEqual(places({ path, isFixed: true }), [[['/run/n/hosts', '/etc/hosts']], 2]);
    assert.deepEqual(places({ path, isFixed: false }, ['/etc/hosts']), [[resolv], 1]);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});
