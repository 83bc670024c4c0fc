/** Ways to the host's kernel settings and to what it lends by the network: SECURITY.md, the rows named in each test. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { addAttack, attempt, Canary, remove, startHostile } from '../harness/attacks.ts';
import { parentOf, TestDaemon } from '../harness/daemon.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  addAttack(join(daemon.rootfs, 'bin/attack'));
  canary = Canary.make(join(daemon.folder, 'canary'));
});
after(() => daemon.close());

const shell = (script: string): string[] => ['/bin/sh', '-c', script];

test('CVE-2022-0492: unshare, mount a cgroup hierarchy, open its release_agent', async () => {
  for (const request of [{}, { user: '1000' }]) {
    const { stdout } = await attempt(daemon, ['attack', 'cgroups'], request);
    const lines = stdout.trim().split('\n');
    assert.ok(lines.length >= 16, stdout);
    for (const line of lines) {
      assert.doesNotMatch(line, / ok$/, line);
      if (line.startsWith('unshare')) assert.match(line, /EPERM$/);
    }
  }
  // It bites: without the filter a user namespace is had, and the hierarchy is mounted in it. What is seen then is the
  // container's own group: the file of the hierarchy's root is not there.
  const unfiltered = await attempt(daemon, ['attack', 'cgroups'], { security: { seccomp: 'unconfined' } });
  assert.match(unfiltered.stdout, /^unshare \S+ ok$/m);
  assert.match(unfiltered.stdout, /^mount \S+ ok$/m);
  assert.doesNotMatch(unfiltered.stdout, /^release_agent ok$/m);
  // It bites: who is given everything mounts it.
  const all = await attempt(daemon, ['attack', 'cgroups'], { security: { privileged: true } });
  assert.match(all.stdout, /^mount \S+ ok$/m);
});

test('CVE-2022-0811: a sysctl that smuggles another', async () => {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const evil = '|/bin/evil';
  const sysctls: Record<string, string>[] = [
    { 'kernel.shm_rmid_forced': `1+kernel.core_pattern=${evil}` },
    { 'kernel.shm_rmid_forced': `1\nkernel.core_pattern=${evil}` },
    { 'kernel.shm_rmid_forced': `1 kernel.core_pattern=${evil}` },
    { [`kernel.shm_rmid_forced=1+kernel.core_pattern`]: evil },
    { 'kernel.core_pattern': evil },
    { 'kernel/core_pattern': evil },
    { 'net/../kernel/core_pattern': evil },
    { 'net.ipv4/../../kernel/core_pattern': evil },
    { 'net.....kernel.core_pattern': evil },
    { 'fs.mqueue/../../kernel/core_pattern': evil },
    { '/proc/sys/kernel/core_pattern': evil },
    { 'net./kernel/core_pattern': evil },
    { 'kernel.shm_rmid_forced\0': '1' },
    { 'vm.overcommit_memory': '1' },
    { 'kernel.modprobe': '/bin/evil' },
  ];
  for (const asked of sysctls) {
    for (const request of [{ sysctls: asked }, { oci: { linux: { sysctl: asked } } }]) {
      const { refused } = await attempt(daemon, ['/bin/true'], request);
      assert.ok(refused, JSON.stringify(asked));
      assert.ok(refused.status < 500, JSON.stringify(refused));
    }
    assert.equal(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), pattern, JSON.stringify(asked));
  }
  // It bites: one of the container's own namespaces is written.
  const own = await attempt(daemon, ['cat', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/kernel/shm_rmid_forced'], {
    sysctls: { 'net.ipv4.ip_forward': '1', 'kernel.shm_rmid_forced': '1' },
  });
  assert.equal(own.stdout, '1\n1\n');
  assert.deepEqual(canary.changes(), []);
});

const MAKE =
  'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/tare-made 2>/dev/null && rmdir $d/tare-made && echo made; done; ' +
  'for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name release_agent); do (echo $$ > $f) 2>/dev/null && echo wrote $f; done; ' +
  'mount -o remount,rw /sys/fs/cgroup 2>/dev/null && echo remounted; true';

test('CVE-2023-25809: control groups without a cgroup namespace are read-only, whatever is asked', async () => {
  const spaces = ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type }));
  const mounts = (type: string, ...options: string[]) => [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] },
    { destination: '/sys/fs/cgroup', type, source: 'cgroup', options },
  ];
  for (const type of ['cgroup', 'cgroup2']) {
    for (const options of [['rw'], ['rw', 'nosuid'], []]) {
      const request = { oci: { mounts: mounts(type, ...options), linux: { namespaces: spaces } } };
      const { stdout, refused } = await attempt(daemon, shell(MAKE), request);
      assert.equal(stdout, '', `${type} ${options.join()} ${refused?.detail ?? ''}`);
    }
  }
  assert.equal((await attempt(daemon, shell(MAKE))).stdout, '', 'by default');
  // It bites: with a namespace of its own, and asked for, the container's own group is writable.
  const own = await attempt(daemon, shell(MAKE), { oci: { mounts: mounts('cgroup', 'rw') } });
  assert.match(own.stdout, /made/);
});

test('libseccomp #383: socket families above 32 bits, by every door of the architecture', async () => {
  const families = ['28', '100000028', 'ffffffff00000028', '26', '100000026', '8000000000000026'];
  const { stdout } = await attempt(daemon, ['attack', 'sockets', ...families]);
  const lines = stdout.trim().split('\n');
  assert.ok(lines.length >= families.length, stdout);
  for (const line of lines) assert.match(line, /(EPERM|ENOSYS|killed)$/, line);
  // It bites: with the filter away the kernel reads 32 bits, and has these families or knows that it has not.
  const open = await attempt(daemon, ['attack', 'sockets', ...families, '2'], { security: { seccomp: 'unconfined' } });
  assert.match(open.stdout, /^socket 2 ok$/m);
  for (const family of families) assert.doesNotMatch(open.stdout, new RegExp(`^socket ${family} EPERM$`, 'm'));
  const wide = /^socket 100000028 (.*)$/m.exec(open.stdout)?.[1];
  assert.equal(wide, /^socket 28 (.*)$/m.exec(open.stdout)?.[1], 'the kernel takes both for the same family');
  assert.match((await attempt(daemon, ['attack', 'sockets', '2'])).stdout, /^socket 2 ok$/m, 'IPv4 is not refused');
});

/** Inodes of the sockets that a process holds. */
function socketsOf(pid: number): Set<string> {
  const found = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) found.add(inode);
    } catch (error) {
      // closed since it was listed
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return found;
}

test('CVE-2020-15257: on the host’s network no abstract socket of ours is to be found', async () => {
  const server = createServer();
  server.listen(`\0tare-test-${process.pid}`);
  await once(server, 'listening');
  const host = { network: { mode: 'host' } };
  const id = await startHostile(daemon, shell('echo ready; exec sleep 1000'), host);
  const shim = await parentOf(await daemon.hostPid(id));
  const { stdout } = await attempt(daemon, ['cat', '/proc/net/unix'], host);
  server.close();
  const abstract = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , , , , name]) => name?.startsWith('@'));
  // It bites: an abstract socket of the host is seen from inside.
  assert.ok(abstract.some(([, , , , , , , name]) => name === `@tare-test-${process.pid}`));
  const ours = new Set([...socketsOf(shim), ...socketsOf(daemon.pid)]);
  assert.ok(ours.size > 0);
  assert.deepEqual(
    abstract.filter((fields) => ours.has(fields[6] ?? '')),
    [],
  );
  assert.doesNotMatch(abstract.join('\n'), /shim|tared|\/c\//);
  for (const name of readdirSync(join(daemon.run, 'c'))) {
    const { mode, uid } = statSync(join(daemon.run, 'c', name));
    assert.deepEqual([(mode & 0o7777).toString(8), uid], ['600', 0], name);
  }
  assert.equal((statSync(join(daemon.run, 'c')).mode & 0o077).toString(8), '0');
  await remove(daemon, id);
});

test('what every request was answered with was no fault of the daemon’s own', async () => {
  const { body } = await daemon.client.send<Problem>('GET', '/v1/ping');
  assert.ok(body);
  assert.doesNotMatch(daemon.output, /"level":(50|60)/);
  assert.deepEqual(canary.changes(), []);
});
