/** Devices that move into a container: between network namespaces that this test makes; the machine's own is not touched. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { moveNetDevices } from '../../../daemon/network/net-devices.ts';
import { findLink } from '../../../daemon/network/rtnetlink/links.ts';
import { Rtnetlink } from '../../../daemon/network/rtnetlink/connection.ts';
import { systemCall } from '../../../native-bindings/libc.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread, and what it spawns, is in a network of its own: the tests' host.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

interface Shown {
  ifname: string;
  mtu: number;
  address: string;
  flags: string[];
  operstate: string;
  addr_info: { local: string; prefixlen: number; scope: string; label?: string; tentative?: boolean }[];
}

const ip = (...words: string[]): string => execFileSync('ip', words, { encoding: 'utf8' });

class Container {
  readonly pid: number;
  private readonly child;

  private constructor(child: ReturnType<typeof spawn>, pid: number) {
    this.child = child;
    this.pid = pid;
  }

  static async open(): Promise<Container> {
    const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; read line'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    assert.ok(child.pid !== undefined);
    return new Container(child, child.pid);
  }

  ip(...words: string[]): string {
    return execFileSync('nsenter', ['--net', '--target', String(this.pid), 'ip', ...words], { encoding: 'utf8' });
  }

  show(name: string): Shown {
    return (JSON.parse(this.ip('-j', 'address', 'show', 'dev', name)) as Shown[])[0]!;
  }

  names(): string[] {
    return (JSON.parse(this.ip('-j', 'link')) as Shown[]).map(({ ifname }) => ifname).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.stdin?.end();
    await exited;
  }
}

const hostShow = (name: string): Shown => (JSON.parse(ip('-j', 'address', 'show', 'dev', name)) as Shown[])[0]!;
const hostNames = (): string[] => (JSON.parse(ip('-j', 'link')) as Shown[]).map(({ ifname }) => ifname).sort();
const inet = (shown: Shown): string[] =>
  shown.addr_info
    .filter(({ scope }) => scope === 'global')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
    .sort();

/** A pair; the end `${name}-far` stays with the host. */
function makeDevice(name: string): void {
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`);
  ip('link', 'set', `${name}-far`, 'up');
}

void test('a device moves with its MTU, hardware address and permanent addresses, and is up', async () => {
  await using container = await Container.open();
  makeDevice('one');
  ip('link', 'set', 'one', 'mtu', '1400', 'address', '02:00:00:00:00:77');
  ip('address', 'add', '192.0.2.5/24', 'dev', 'one', 'broadcast', '192.0.2.255', 'label', 'one:web');
  ip('address', 'add', '192.0.2.6/24', 'dev', 'one');
  ip('address', 'add', '2001:db8::5/64', 'dev', 'one', 'nodad');
  // Neither of these is preserved: the one ends by itself, the other is meant for this wire alone.
  ip('address', 'add', '192.0.2.7/24', 'dev', 'one', 'valid_lft', '10000', 'preferred_lft', '10000');
  ip('address', 'add', '169.254.7.7/16', 'dev', 'one', 'scope', 'link');
  ip('link', 'set', 'one', 'up');
  moveNetDevices({ one: { name: 'inside' } }, container.pid);
  assert.ok(!hostNames().includes('one'));
  const shown = container.show('inside');
  assert.deepEqual([shown.mtu, shown.address], [1400, '02:00:00:00:00:77']);
  assert.ok(shown.flags.includes('UP'));
  assert.deepEqual(inet(shown), ['192.0.2.5/24', '192.0.2.6/24', '2001:db8::5/64']);
  assert.equal(shown.addr_info.find(({ local }) => local === '192.0.2.5')?.label, 'inside:web');
  assert.ok(shown.addr_info.every(({ tentative, scope }) => tentative !== true || scope !== 'global'));
  assert.match(container.ip('-6', 'route'), /^2001:db8::\/64 dev inside/m);
  assert.match(container.ip('route'), /^192\.0\.2\.0\/24 dev inside/m);
  ip('link', 'delete', 'one-far');
});

void test('several move, each under its own name or a numbered one', async () => {
  await using container = await Container.open();
  for (const name of ['two', 'three', 'four']) makeDevice(name);
  moveNetDevices({ two: {}, three: { name: 'net%d' }, four: { name: 'net%d' } }, container.pid);
  assert.deepEqual(container.names(), ['lo', 'net0', 'net1', 'two']);
  for (const name of ['two', 'three', 'four']) ip('link', 'delete', `${name}-far`);
});

void test('a name that is taken on the way, under which the device is not to be known, is no obstacle', async () => {
  await using container = await Container.open();
  makeDevice('same');
  container.ip('link', 'add', 'same', 'type', 'veth', 'peer', 'name', 'other');
  moveNetDevices({ same: { name: 'fresh' } }, container.pid);
  assert.deepEqual(container.names(), ['fresh', 'lo', 'other', 'same']);
  ip('link', 'delete', 'same-far');
});

void test('what cannot be is refused by the name of the device, and nothing has moved', async () => {
  await using container = await Container.open();
  makeDevice('five');
  makeDevice('six');
  const before = hostNames();
  const cases: [devices: Record<string, { name?: string }>, field: string, words: RegExp][] = [
    [{ five: {}, nothere: {} }, 'linux.netDevices.nothere', /the host has no such device/],
    [{ five: { name: 'lo' } }, 'linux.netDevices.five', /the container has a device lo already/],
    [{ five: { name: 'x' }, six: { name: 'x' } }, 'linux.netDevices.six', /has a device x already/],
    ...[
      'a/b',
      '..',
      '.',
      'a b',
      'a:b',
      'sixteen-letters1',
      'a%s',
      'a%d%d',
      'a\0b',
      'fifteen-letters%d',
      'é'.repeat(8),
    ].map((name): [Record<string, { name?: string }>, string, RegExp] => [
      { five: { name } },
      'linux.netDevices.five',
      /name for a device/,
    ]),
    [{ 'a/b': {} }, 'linux.netDevices.a/b', /not the name of a device/],
    [{ five: {}, lo: { name: 'lo1' } }, 'linux.netDevices.lo', /move the link lo: EINVAL/],
  ];
  for (const [devices, field, message] of cases) {
    assert.throws(
      () => {
        moveNetDevices(devices, container.pid);
      },
      { name: 'NetDeviceError', field, message },
    );
    assert.deepEqual(hostNames(), before);
    assert.deepEqual(container.names(), ['lo']);
  }
  for (const name of ['five', 'six']) ip('link', 'delete', `${name}-far`);
});

void test('the network of this process is not a container’s', () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] });
  makeDevice('seven');
  assert.throws(
    () => {
      moveNetDevices({ seven: {} }, child.pid ?? NaN);
    },
    { name: 'NetDeviceError', message: /linux\.netDevices\.seven: the container has no network namespace of its own/ },
  );
  child.stdin.end();
  ip('link', 'delete', 'seven-far');
});

void test('where a later one is refused, the ones before are given back as they were', async () => {
  await using container = await Container.open();
  makeDevice('eight');
  ip('address', 'add', '192.0.2.8/24', 'dev', 'eight', 'label', 'eight:a');
  ip('address', 'add', '2001:db8::8/64', 'dev', 'eight', 'nodad');
  ip('link', 'set', 'eight', 'up');
  const before = inet(hostShow('eight'));
  assert.throws(
    () => {
      moveNetDevices({ eight: { name: 'gone' }, lo: { name: 'lo1' } }, container.pid);
    },
    { name: 'NetDeviceError', field: 'linux.netDevices.lo' },
  );
  const shown = hostShow('eight');
  assert.deepEqual(inet(shown), before);
  assert.equal(shown.addr_info.find(({ local }) => local === '192.0.2.8')?.label, 'eight:a');
  assert.ok(shown.flags.includes('UP'));
  assert.deepEqual(container.names(), ['lo']);
  ip('link', 'delete', 'eight-far');
});

void test('nothing to move asks for nothing, and no process is an error', () => {
  moveNetDevices({}, 0);
  assert.throws(
    () => {
      moveNetDevices({ lo: {} }, 0x7fff_ffff);
    },
    { code: 'ENOENT' },
  );
});

void test('a link is found in the namespace of the connection, whoever asks', () => {
  const connection = Rtnetlink.open();
  try {
    assert.equal(findLink(connection, 'lo')?.name, 'lo');
    assert.equal(findLink(connection, 'nothere'), undefined);
  } finally {
    connection.close();
  }
});
