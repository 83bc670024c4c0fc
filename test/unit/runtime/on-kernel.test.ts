/** Compiled plans, carried out: what a program inside then sees. Needs root. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DEFAULT_CAPABILITIES, capabilityMask } from '../../../daemon/runtime/capabilities.ts';
import type { RootSource } from '../../../daemon/runtime/plan/target.ts';
import type { Mount } from '../../../daemon/runtime/spec/types.ts';
import { Bed, Container, spec } from './container.ts';

const bed = new Bed('plan');
const { base, rootfs, cgroups } = bed;

after(async () => {
  await bed.remove();
});

test('the default container', async (t) => {
  const script = `
    hostname; pwd; umask; echo pid $$; echo fds $(ls /proc/self/fd | tr '\\n' ' ')
    grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status
    sed 's/^/group /' /proc/self/cgroup; ls /sys/fs/cgroup | sed 's/^/seen /'
    echo x > /sys/fs/cgroup/x || echo cgroups closed; echo 1 > /proc/sys/kernel/panic || echo sysctl closed
    echo x > /x && cat /x; ls /sys/firmware | wc -l; cat /proc/timer_list | wc -c; echo null > /dev/null
    stat -c '%n %t:%T %a' /dev/null /dev/tty /dev/full; readlink /dev/ptmx; readlink /dev/stdin; cat /proc/net/dev | grep -c :
    cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward; ulimit -Sn; grep ' / ' /proc/self/mountinfo | wc -l`;
  const partial = { process: { oomScoreAdj: 100 }, linux: { sysctl: { 'net.ipv4.ip_forward': '1' } } };
  const container = await Container.start(t, bed, spec(script, partial));
  const text = await container.output();
  const sees = (line: string | RegExp): void => {
    assert.ok(
      typeof line === 'string' ? text.split('\n').includes(line) : line.test(text),
      `${String(line)} in\n${text}`,
    );
  };
  const capabilities = capabilityMask(DEFAULT_CAPABILITIES).toString(16).padStart(16, '0');
  for (const line of ['inside', '/', '0022', 'pid 1', 'cgroups closed', 'sysctl closed', 'x']) sees(line);
  sees(/^fds 0 1 2 3 ?$/m);
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) sees(`${set}:\t${capabilities}`);
  for (const set of ['CapInh', 'CapAmb']) sees(`${set}:\t${'0'.repeat(16)}`);
  for (const line of ['Seccomp:\t2', 'NoNewPrivs:\t0', '/dev/null 1:3 666', '/dev/tty 5:0 666', '/dev/full 1:7 666'])
    sees(line);
  for (const line of ['pts/ptmx', '/proc/self/fd/0', '100', '1', '1024']) sees(line);
  for (const line of text.split('\n').filter((part) => part.startsWith('group '))) assert.match(line, /:\/$/);
  for (const { mount } of cgroups.v1) sees(`seen ${mount.slice(mount.lastIndexOf('/') + 1)}`);
  await container.forget();
});

test('every kind of mount', async (t) => {
  const shared = join(base, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'file'), 'from the host\n');
  const mounts: Mount[] = [
    { destination: '/mnt/made/here', type: 'bind', source: 'shared', options: ['rbind', 'ro', 'nosuid', 'rslave'] },
    {
      destination: '/mnt/file',
      type: 'bind',
      source: join(shared, 'file'),
      options: ['bind', 'noexec', 'rro', 'private'],
    },
    { destination: '/etc', type: 'tmpfs', options: ['tmpcopyup', 'ro', 'nodev', 'size=1m'] },
    { destination: '/tmp', type: 'tmpfs', options: ['noatime', 'nosymfollow', 'unbindable'] },
  ];
  const wanted = spec(
    'cat /proc/self/mountinfo /mnt/made/here/file; grep -c root /etc/passwd; touch /x || echo closed',
    {
      root: { readonly: true },
      linux: { cgroupsPath: '/ignored', rootfsPropagation: 'rslave' },
    },
  );
  wanted.mounts?.push(...mounts);
  const container = await Container.start(t, bed, wanted, { root: { kind: 'bind', source: rootfs } });
  const text = await container.output();
  const mount = (path: string): string => {
    const line = text.split('\n').find((part) => part.split(' ')[4] === path);
    assert.ok(line !== undefined, `${path} in\n${text}`);
    return line;
  };
  assert.match(mount('/'), / ro[,\s]/);
  assert.match(mount('/mnt/made/here'), / ro,nosuid[,\s]/);
  assert.match(mount('/mnt/file'), / ro,noexec[,\s]/);
  assert.doesNotMatch(mount('/mnt/file'), /shared:|master:/);
  assert.match(mount('/etc'), / ro,nodev,relatime .*size=1024k/);
  assert.match(mount('/tmp'), / rw,noatime,nosymfollow unbindable /);
  for (const line of ['from the host', 'closed']) assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
  await container.forget();
});

test('a user with no new privileges, and execs beside it', async (t) => {
  const wanted = spec('exec sleep 100000', {
    process: { noNewPrivileges: true, user: { uid: 1000, gid: 1000, umask: 0o27, additionalGids: [10] } },
  });
  const root: RootSource = {
    kind: 'overlay-disk',
    lower: [rootfs],
    upper: join(base, 'upper'),
    work: join(base, 'work'),
    volatile: true,
  };
  const container = await Container.start(t, bed, wanted, { root });
  const status = await container.exec({ args: ['cat', '/proc/1/status'] });
  for (const line of ['Uid:\t1000\t1000\t1000\t1000', 'NoNewPrivs:\t1', 'Seccomp:\t2', 'Umask:\t0027']) {
    assert.ok(status.includes(`${line}\n`), `${line} in\n${status}`);
  }
  assert.match(status, /^Groups:\t10 *$/m);
  assert.match(status, /^CapEff:\t0+$/m);

  const inside = await container.exec({
    args: [
      'sh',
      '-c',
      'id -u; id -g; tty; pwd; cat /proc/self/cgroup; for n in pid mnt uts ipc net cgroup; do test $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) && echo same; done',
    ],
    cwd: '/tmp',
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    capabilities: { bounding: ['CAP_SYS_PTRACE'], permitted: ['CAP_SYS_PTRACE'], effective: ['CAP_SYS_PTRACE'] },
  });
  const lines = inside.split('\n').map((line) => line.trimEnd());
  for (const line of ['0', '/dev/pts/0', '/tmp']) assert.ok(lines.includes(line), `${line} in\n${inside}`);
  assert.equal(lines.filter((line) => line === 'same').length, 6, inside);
  for (const line of lines.filter((part) => /^[0-9]+:/.test(part))) assert.match(line, /:\/$/);
  await container.end();
});

test('a user namespace, and time of its own', async (t) => {
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const types = ['user', 'pid', 'ipc', 'uts', 'mount', 'cgroup', 'network', 'time'];
  const wanted = spec('echo > /dev/null; touch /mine; exec sleep 100000', {
    linux: {
      namespaces: types.map((type) => ({ type })),
      uidMappings: mapping,
      gidMappings: mapping,
      timeOffsets: { boottime: { secs: 1_000_000_000 } },
    },
  });
  const container = await Container.start(t, bed, wanted);
  const script =
    'cat /proc/self/uid_map; stat -c "%n %u:%g" /proc/1; cut -d. -f1 /proc/uptime; stat -c "%n %t:%T" /dev/null';
  const text = await container.exec({ args: ['sh', '-c', script] });
  assert.match(text, /^ +0 +100000 +65536$/m);
  assert.match(text, /^\/proc\/1 0:0$/m);
  assert.match(text, /^1[0-9]{9}$/m);
  assert.match(text, /^\/dev\/null 1:3$/m);
  await container.end();
});
