/** Ways to the kernel's settings, its files and what it lends by the network. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { addAttack } from '../harness/attacks.ts';
import type { Spec } from '../conformance/config.ts';
import { testAttack, type Outcome, type Scene } from './attack.ts';
import { hardenedSpec } from './spec.ts';

/** Runs the hostile program, or the shell, in the container of `spec`. */
async function run(scene: Scene, spec: Spec): Promise<{ stdout: string; stderr: string; refused: boolean }> {
  const bundle = scene.bundle(spec);
  if (spec.process!.args[0] === 'attack') addAttack(bundle.inside('bin/attack'));
  const { created, started, stdout, stderr } = await scene.runtime.runToEnd(bundle);
  const refused = created.code !== 0 || started?.code !== 0;
  return { stdout, stderr: stderr + (started?.stderr ?? ''), refused };
}

const withNamespaces = (spec: Spec, ...types: string[]): Spec => {
  spec.linux.namespaces = types.map((type) => ({ type }));
  return spec;
};

async function releaseAgent(scene: Scene): Promise<Outcome> {
  const { stdout } = await run(scene, hardenedSpec(['attack', 'cgroups']));
  return { succeeded: !stdout.includes('mount') || / ok$/m.test(stdout), evidence: stdout };
}

testAttack({
  name: 'CVE-2022-0492: a control group hierarchy is mounted in a new user namespace',
  attempt: releaseAgent,
  weakenings: ['unfiltered'],
});

async function wideFamilies(scene: Scene): Promise<Outcome> {
  const families = ['28', '100000028', 'ffffffff00000028', '26', '100000026', '8000000000000026'];
  const { stdout } = await run(scene, hardenedSpec(['attack', 'sockets', ...families]));
  const answers = stdout.split('\n').filter((line) => line.startsWith('socket '));
  const open = answers.filter((line) => !line.endsWith('EPERM'));
  return { succeeded: answers.length !== families.length || open.length > 0, evidence: stdout };
}

testAttack({
  name: 'libseccomp #383: socket families above 32 bits',
  attempt: wideFamilies,
  weakenings: ['unfiltered'],
});

/** A parameter of the whole host that does no harm whichever value it has. */
const HARMLESS = '/proc/sys/kernel/printk_ratelimit_burst';

async function smuggledSysctl(scene: Scene): Promise<Outcome> {
  const before = readFileSync(HARMLESS, 'utf8');
  const other = String(Number(before) + 1);
  const settings: Record<string, string>[] = [
    { 'kernel.printk_ratelimit_burst': other },
    { 'kernel/printk_ratelimit_burst': other },
    { 'net/../kernel/printk_ratelimit_burst': other },
    { 'net.ipv4/../../kernel/printk_ratelimit_burst': other },
    { 'fs.mqueue/../../kernel/printk_ratelimit_burst': other },
    { '/proc/sys/kernel/printk_ratelimit_burst': other },
    { 'kernel.shm_rmid_forced': `1+kernel.printk_ratelimit_burst=${other}` },
    { 'kernel.shm_rmid_forced': `1\nkernel.printk_ratelimit_burst=${other}` },
  ];
  try {
    for (const sysctl of settings) {
      const spec = hardenedSpec(['true']);
      spec.linux.sysctl = sysctl;
      await run(scene, spec);
      const now = readFileSync(HARMLESS, 'utf8');
      if (now !== before) return { succeeded: true, evidence: JSON.stringify(sysctl) };
    }
    return { succeeded: false, evidence: '' };
  } finally {
    writeFileSync(HARMLESS, before);
  }
}

testAttack({
  name: 'CVE-2022-0811: a sysctl of the host, and one smuggled in by another',
  attempt: smuggledSysctl,
  weakenings: ['any_sysctl'],
});

const MAKE = 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/tare-made && rmdir $d/tare-made && echo made; done';

async function writableGroups(scene: Scene): Promise<Outcome> {
  const seen: string[] = [];
  for (const options of [['ro'], ['ro', 'nosuid', 'noexec', 'nodev']]) {
    const spec = withNamespaces(
      hardenedSpec(['sh', '-c', `${MAKE} 2>/dev/null; true`]),
      'pid',
      'ipc',
      'uts',
      'mount',
      'network',
    );
    spec.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options });
    seen.push((await run(scene, spec)).stdout);
  }
  return { succeeded: seen.join('').includes('made'), evidence: seen.join() };
}

testAttack({
  name: 'CVE-2023-25809: control groups are writable without a cgroup namespace',
  attempt: writableGroups,
  weakenings: ['writable_cgroups'],
  notOn: {
    crun: 'crun 1.8.1 binds the host’s groups of v1 writable',
    runc: 'runc 1.1.5 binds the host’s groups of v1 writable',
  },
});

async function masked(scene: Scene): Promise<Outcome> {
  const seen: string[] = [];
  for (const to of ['/proc/sys/kernel/core_pattern', '/dev/zero', '/tmp']) {
    const spec = hardenedSpec(['stat', '-c', '%n %t:%T', '/proc/timer_list']);
    // The image's own /dev, in which the null device is a link.
    spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    const bundle = scene.bundle(spec);
    symlinkSync(to, bundle.inside('dev/null'));
    const { stdout, created } = await scene.runtime.runToEnd(bundle);
    seen.push(created.code === 0 ? stdout : 'refused');
  }
  const bare = seen.filter((text) => text !== 'refused' && text !== '' && !text.includes(' 1:3'));
  return { succeeded: bare.length > 0 || scene.harmed().length > 0, evidence: seen.join() };
}

testAttack({
  name: 'CVE-2025-31133, 62161: the source of masks is a link of the image',
  attempt: masked,
  weakenings: ['unmasked'],
  notOn: { runc: 'runc 1.1.5 binds what the link leads to, and writes the host’s core_pattern; mended in 1.2.8' },
});

async function writableProc(scene: Scene): Promise<Outcome> {
  const look =
    'for f in /proc/sys/kernel/shm_rmid_forced /proc/sysrq-trigger; do test -w $f && true >> $f && echo $f; done';
  const { stdout } = await run(scene, hardenedSpec(['sh', '-c', `${look} 2>/dev/null; true`]));
  return { succeeded: stdout !== '', evidence: stdout };
}

testAttack({
  name: 'the kernel’s settings in /proc are opened for writing',
  attempt: writableProc,
  weakenings: ['writable'],
});

async function foreignDevice(scene: Scene): Promise<Outcome> {
  // To open a miscellaneous device for reading, and no more, does no harm: proc(5) says which there are.
  const known =
    /^\s*(\d+) (?:loop-control|fuse|autofs|hw_random)$/m.exec(readFileSync('/proc/misc', 'utf8'))?.[1] ?? '';
  const look = `mknod /tmp/node c 10 ${known} && echo made; (: < /tmp/node) && echo opened; true`;
  const { stdout } = await run(scene, hardenedSpec(['sh', '-c', look]));
  return { succeeded: stdout.includes('opened'), evidence: stdout };
}

testAttack({
  name: 'a device of the host is made and opened',
  attempt: foreignDevice,
  weakenings: ['devices'],
});

async function abstractSockets(scene: Scene): Promise<Outcome> {
  const known = () => new Set(readFileSync('/proc/net/unix', 'utf8').match(/@\S+/g) ?? []);
  const before = known();
  const server = createServer();
  const own = `tare-attack-${process.pid}`;
  server.listen(`\0${own}`);
  await once(server, 'listening');
  const spec = withNamespaces(hardenedSpec(['cat', '/proc/net/unix']), 'pid', 'ipc', 'uts', 'mount');
  const { stdout } = await run(scene, spec);
  server.close();
  const seen: string[] = stdout.match(/@\S+/g) ?? [];
  // What is new beside the test's own is the runtime's.
  const ours = seen.filter((name) => !before.has(name) && name !== `@${own}` && /tare|shim|runc|crun/.test(name));
  assert.ok(seen.includes(`@${own}`), `the container does not look at the host's network: ${stdout}`);
  return { succeeded: ours.length > 0, evidence: stdout };
}

testAttack({
  name: 'CVE-2020-15257: abstract sockets of the runtime on the host’s network',
  attempt: abstractSockets,
  weakenings: ['abstract_socket'],
});

/** Files that are none, where an account is looked up. */
const ODD: ((path: string) => unknown)[] = [
  (path) => execFileSync('mkfifo', [path]),
  (path) => mkdirSync(path),
  (path) => symlinkSync('passwd', path),
  (path) => symlinkSync('/dev/zero', path),
  (path) => execFileSync('mknod', [path, 'c', '1', '5']),
  (path) => {
    writeFileSync(path, 'root:x:0:0:\n');
    truncateSync(path, 4 * 1024 ** 3);
  },
];

async function oddAccounts(scene: Scene): Promise<Outcome> {
  for (const make of ODD) {
    const bundle = scene.bundle(hardenedSpec(['true']));
    rmSync(bundle.inside('etc/passwd'));
    make(bundle.inside('etc/passwd'));
    await scene.runtime.runToEnd(bundle);
  }
  // The image's link to a file of the host must not give what that says.
  const bundle = scene.bundle(hardenedSpec(['sh', '-c', 'echo home $HOME']));
  writeFileSync(join(scene.canary.folder, '..', 'accounts'), 'root:x:0:0::/home-of-the-host:/bin/sh\n');
  rmSync(bundle.inside('etc/passwd'));
  symlinkSync(join(scene.canary.folder, '..', 'accounts'), bundle.inside('etc/passwd'));
  const { stdout } = await scene.runtime.runToEnd(bundle);
  return { succeeded: stdout.includes('home-of-the-host'), evidence: stdout };
}

testAttack({
  name: 'CVE-2024-9676, 2026-47262: the image’s passwd is a FIFO, endless, gigabytes, or a file of the host',
  attempt: oddAccounts,
  weakenings: ['naive_accounts'],
  notOn: {
    crun: 'crun 1.8.1 waits for ever at the FIFO',
    runc: 'runc 1.1.5 waits for ever at the FIFO',
  },
});
