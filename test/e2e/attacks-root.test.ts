/** Root file systems made to lead the runtime out of them while it mounts and makes devices: SECURITY.md's rows. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attempt, Canary, hostileRoot } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  canary = Canary.make(join(daemon.folder, 'canary'));
});
after(() => daemon.close());

const MODES = ['overlay', 'ro', 'rw'] as const;

/** The mounts that the specification asks for at least, in place of the defaults: /dev is then the image's own. */
const PROC = { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] };
const DEVPTS = { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] };

/** A root in which `path` is a symlink to `to`. */
function rootWithLink(name: string, path: string, to: string): string {
  const rootfs = hostileRoot(daemon, name);
  rmSync(join(rootfs, path), { recursive: true, force: true });
  symlinkSync(to, join(rootfs, path));
  return rootfs;
}

test('CVE-2019-16884, 19921; 2023-27561, 28642: /proc or /sys is a symlink in the image', async () => {
  const links: [path: string, to: string][] = [
    ['proc', '/elsewhere'],
    ['proc', 'elsewhere'],
    ['proc', '../../../../../..' + canary.folder],
    ['proc', canary.folder],
    ['proc', '/proc/1/root'],
    ['sys', '/elsewhere'],
    ['sys', canary.folder],
  ];
  for (const [index, [path, to]] of links.entries()) {
    const rootfs = rootWithLink(`link-${index}`, path, to);
    mkdirSync(join(rootfs, 'elsewhere'));
    for (const rootfsMode of MODES) {
      const { refused } = await attempt(daemon, ['/bin/true'], { rootfs, rootfsMode });
      assert.match(refused?.detail ?? 'it ran', new RegExp(`/${path}.*(ELOOP|symlink|ENOTDIR)`), `${path} → ${to}`);
    }
    assert.deepEqual(readdirSync(join(rootfs, 'elsewhere')), []);
  }
  assert.deepEqual(canary.changes(), []);
});

test('CVE-2019-16884, 19921: a volume at /proc or below it, however it is written', async () => {
  const below = ['/proc', '//proc', '/proc/', '/./proc', '/proc/self', '/proc/self/attr', '/proc/sys', '/proc/sys/net'];
  for (const target of [...below, '/tmp/../proc', '/proc/1', '/proc/sysrq-trigger', '/proc/kcore']) {
    for (const mount of [
      { type: 'bind', source: canary.folder, target },
      { type: 'tmpfs', target },
    ]) {
      const { refused } = await attempt(daemon, ['/bin/true'], { mounts: [mount] });
      assert.ok(refused, `${mount.type} at ${target}`);
    }
  }
  // It bites: the same volume elsewhere is there.
  const volume = { type: 'bind', source: canary.folder, target: '/tmp', readonly: true };
  assert.match((await attempt(daemon, ['ls', '/tmp'], { mounts: [volume] })).stdout, /secret/);
});

test('CVE-2026-41579, 47766: the image’s /dev is a symlink, absolute or relative', async () => {
  for (const [index, to] of [
    canary.folder,
    '../../../../../../../..' + canary.folder,
    '/etc',
    'etc',
    '/proc/1/root/dev',
    '.',
  ].entries()) {
    const rootfs = rootWithLink(`dev-${index}`, 'dev', to);
    for (const rootfsMode of MODES) {
      for (const request of [{}, { tty: true }, { security: { privileged: true } }]) {
        const { refused } = await attempt(daemon, ['/bin/true'], { rootfs, rootfsMode, ...request });
        assert.match(refused?.detail ?? 'it ran', /\/dev.*(ELOOP|ENOTDIR)/, to);
      }
      // Without a mount at /dev the devices are made in what it leads to inside of the root.
      const bare = await attempt(daemon, ['/bin/true'], { rootfs, rootfsMode, oci: { mounts: [PROC] } });
      if (bare.refused) assert.doesNotMatch(bare.refused.code, /internal/);
    }
  }
  assert.deepEqual(canary.changes(), []);
});

test('CVE-2025-31133, 62161: the source of masks is the null device, whatever stands at /dev/null', async () => {
  const look =
    'stat -c "%n %t:%T" /proc/timer_list /proc/keys; echo pwned > /proc/sys/kernel/core_pattern; cat /proc/timer_list | wc -c';
  const check = (stdout: string) => {
    for (const line of stdout.split('\n').filter((entry) => entry.startsWith('/'))) assert.match(line, / 1:3$/);
  };
  // It bites: without masks the very same look sees files.
  const open = await attempt(daemon, ['/bin/sh', '-c', look], { security: { maskedPaths: [] } });
  assert.match(open.stdout, /\/proc\/timer_list 0:0/);
  const volume = join(daemon.folder, 'null-volume');
  mkdirSync(volume);
  for (const [index, to] of ['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/tmp', '/dev/zero'].entries()) {
    const rootfs = hostileRoot(daemon, `null-${index}`);
    symlinkSync(to, join(rootfs, 'dev/null'));
    rmSync(join(volume, 'null'), { force: true });
    symlinkSync(to, join(volume, 'null'));
    for (const rootfsMode of ['overlay', 'rw']) {
      for (const request of [
        {},
        { oci: { mounts: [PROC] } },
        { mounts: [{ type: 'bind', source: volume, target: '/dev' }] },
        { mounts: [{ type: 'bind', source: volume, target: '/dev', readonly: true }] },
      ]) {
        const { refused, stdout } = await attempt(daemon, ['/bin/sh', '-c', look], { rootfs, rootfsMode, ...request });
        if (refused === undefined) {
          check(stdout);
          assert.match(stdout, /\/proc\/timer_list 1:3/);
        }
      }
    }
  }
  assert.deepEqual(canary.changes(), []);
});

test('CVE-2025-52565; 2026-88264, 88265: console, terminals and null are links or bound files of the host', async () => {
  const secret = join(canary.folder, 'secret');
  for (const [index, path] of ['dev/console', 'dev/null', 'dev/pts', 'dev/ptmx', 'dev/tty'].entries()) {
    for (const [turn, to] of [secret, '/proc/sys/kernel/core_pattern', '../../../../../../..' + secret].entries()) {
      const rootfs = rootWithLink(`console-${index}-${turn}`, path, to);
      for (const rootfsMode of ['overlay', 'rw']) {
        await attempt(daemon, ['/bin/sh', '-c', 'echo pwned > /dev/console; echo pwned > /dev/null'], {
          rootfs,
          rootfsMode,
          tty: true,
          oci: { mounts: [PROC, DEVPTS] },
        });
      }
    }
  }
  for (const target of [
    '/dev/console',
    '/dev/null',
    '/dev/pts/0',
    '/dev/pts/ptmx',
    '/dev/ptmx',
    '/dev/tty',
    '/dev/fd',
  ]) {
    for (const tty of [true, false]) {
      const mounts = [{ type: 'bind', source: join(canary.folder, 'null'), target, readonly: true }];
      await attempt(daemon, ['/bin/sh', '-c', 'stty -a; echo pwned > /dev/pts/0; echo pwned > /dev/console'], {
        tty,
        mounts,
      });
    }
  }
  assert.deepEqual(canary.changes(), []);
  const swapped = await attempt(daemon, ['/bin/true'], {
    tty: true,
    mounts: [{ type: 'bind', source: secret, target: '/dev/pts/ptmx' }],
  });
  assert.match(swapped.refused?.detail ?? 'it ran', /ptmx/);
  const covered = await attempt(daemon, ['/bin/true'], {
    mounts: [{ type: 'bind', source: secret, target: '/dev/null' }],
  });
  assert.match(covered.refused?.detail ?? 'it ran', /\/dev\/null/);
});

test('an image whose every directory is a link into the host', async () => {
  const rootfs = hostileRoot(daemon, 'links');
  for (const name of ['etc', 'tmp', 'var', 'home']) {
    rmSync(join(rootfs, name), { recursive: true });
    symlinkSync('../../../../../../../../..' + canary.folder, join(rootfs, name));
  }
  writeFileSync(join(canary.folder, '..', 'unrelated'), '');
  for (const rootfsMode of ['overlay', 'rw']) {
    for (const target of ['/etc/made', '/tmp/a/b', '/var', '/home/../etc/x']) {
      await attempt(daemon, ['/bin/true'], {
        rootfs,
        rootfsMode,
        mounts: [{ type: 'tmpfs', target }],
        workdir: '/var/w',
      });
      await attempt(daemon, ['/bin/true'], {
        rootfs,
        rootfsMode,
        mounts: [{ type: 'bind', source: '/etc/hostname', target }],
      });
    }
  }
  assert.deepEqual(canary.changes(), []);
});

test('the canary bites: what may be written is seen to have been', () => {
  const folder = join(daemon.folder, 'second');
  const second = Canary.make(folder);
  execFileSync('mknod', ['-m', '600', join(folder, 'made'), 'c', '1', '3']);
  assert.deepEqual(second.changes(), [join(folder, 'made')]);
  assert.ok(lstatSync(join(folder, 'made')).isCharacterDevice());
});
