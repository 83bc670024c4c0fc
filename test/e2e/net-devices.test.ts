/** linux.netDevices of the daemon and of tare-oci, in a network of this test's own: the machine's is not touched. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemCall } from '../../native-bindings/libc.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { groupsOf, plainConfig } from '../harness/oci-config.ts';
import { newId, OciRuntime, type Config } from '../harness/oci.ts';
import { until } from '../harness/until.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns, the daemon and the runtime among it, are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

let daemon: TestDaemon;
let oci: OciRuntime;
before(async () => {
  daemon = await TestDaemon.open();
  oci = new OciRuntime();
});
after(async () => {
  await oci.close();
  await daemon.close();
});

const ip = (...words: string[]): string => execFileSync('ip', words, { encoding: 'utf8' });
const hostNames = (): string[] => (JSON.parse(ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname);

/** A device that is down, with an address of each family. The other end of it stays on the host. */
function makeDevice(name: string): void {
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`);
  ip('link', 'set', `${name}-far`, 'up');
  ip('link', 'set', name, 'mtu', '1380', 'address', '02:00:00:00:00:55');
  ip('address', 'add', '192.0.2.9/24', 'dev', name);
  ip('address', 'add', '2001:db8::9/64', 'dev', name, 'nodad');
}

/** What a container's program sees of its devices, in few words. */
const LOOK = [
  '/bin/sh',
  '-c',
  'for d in /sys/class/net/*; do echo "${d##*/}"; done; ip -o link show inside; ip -o address show inside; exit 3',
];
const SYSFS = { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] };

function assertSeen(text: string): void {
  const [first, second, link = '', ...addresses] = text.trim().split('\n');
  assert.deepEqual([first, second], ['inside', 'lo'], text);
  assert.match(link, /inside.*<.*\bUP\b.*> mtu 1380 .*link\/ether 02:00:00:00:00:55/);
  for (const address of ['inet 192.0.2.9/24 ', 'inet6 2001:db8::9/64 scope global ']) {
    assert.ok(
      addresses.some((line) => line.includes(address)),
      text,
    );
  }
}

/** That it never went anywhere: as it was made, under the index that it had. */
function assertUntouched(name: string, index: string): void {
  assert.equal(ip('-o', 'link', 'show', name).split(':')[0], index);
  const shown = ip('-o', 'address', 'show', name);
  assert.match(shown, /inet 192\.0\.2\.9\/24 /);
  assert.match(shown, /inet6 2001:db8::9\/64 /);
}

const indexOf = (name: string): string => ip('-o', 'link', 'show', name).split(':')[0] ?? '';

/** Shims whose words name the container. */
function shimsOf(id: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        return [readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ')];
      } catch (error) {
        // Ignored: it has ended meanwhile.
        if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
        throw error;
      }
    })
    .filter((command) => command.includes(id) && command.includes('tare-shim'));
}

test('the daemon: moved, renamed, its addresses kept, and up', async () => {
  makeDevice('one');
  const request = { oci: { linux: { netDevices: { one: { name: 'inside' } } } } };
  const { exit, stdout, stderr } = await daemon.runToEnd(LOOK, request);
  assert.deepEqual([exit.code, stderr], [3, '']);
  assertSeen(stdout);
  assert.ok(!hostNames().includes('one'));
});

test('tare-oci: moved at create, and in place when the program starts', async () => {
  makeDevice('two');
  const plain = plainConfig(LOOK);
  const linux = { ...(plain.linux as Config), netDevices: { two: { name: 'inside' } } };
  const bundle = oci.bundle({ ...plain, mounts: [...(plain.mounts as Config[]), SYSFS], linux });
  const id = newId();
  const { code, stderr } = await oci.create(id, bundle);
  assert.equal(code, 0, stderr);
  assert.ok(!hostNames().includes('two'));
  assert.equal((await oci.start(id)).code, 0);
  await oci.reach(id, 'stopped');
  assertSeen(readFileSync(join(bundle.folder, 'stdout'), 'utf8'));
  assert.equal((await oci.delete(id)).code, 0);
});

test('the daemon: a device that is missing is named, the others stay, and nothing is left', async () => {
  makeDevice('three');
  const index = indexOf('three');
  const netDevices = { three: { name: 'inside' }, nowhere: {} };
  const id = await daemon.create(['/bin/true'], { oci: { linux: { netDevices } } });
  const { status, body } = await daemon.client.send<{ detail: string }>('POST', `/v1/containers/${id}/start`);
  assert.ok(status >= 400, String(status));
  assert.match(body.detail, /linux\.netDevices\.nowhere: the host has no such device/);
  assertUntouched('three', index);
  await until('the shim is gone', () => shimsOf(id).length === 0);
  // It can be started once the device is there.
  makeDevice('nowhere');
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const exit = await daemon.client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
  assert.equal(exit.code, 0);
  assert.deepEqual(
    hostNames().filter((name) => name === 'three' || name === 'nowhere'),
    [],
  );
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
});

test('tare-oci: a device that is missing is named, the others stay, and nothing is left', async () => {
  makeDevice('four');
  const index = indexOf('four');
  const plain = plainConfig(['/bin/true']);
  const linux = { ...(plain.linux as Config), netDevices: { four: {}, nowhere: {} } };
  const id = newId();
  const { code, stderr } = await oci.create(id, oci.bundle({ ...plain, linux }));
  assert.equal(code, 1);
  assert.match(stderr, /linux\.netDevices\.nowhere: the host has no such device/);
  assertUntouched('four', index);
  assert.equal(await oci.state(id), undefined);
  assert.deepEqual(groupsOf(id), []);
  assert.deepEqual(readdirSync(oci.root), []);
  ip('link', 'delete', 'four-far');
});
