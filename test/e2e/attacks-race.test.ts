/** A container swaps names in a volume, as fast as it can, while another that has the same volume is started. */
import assert from 'node:assert/strict';
import { mkdir, rmdir } from 'node:fs/promises';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addAttack, attempt, Canary, remove, startHostile, type Attempt } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  addAttack(join(daemon.rootfs, 'bin/attack'));
  canary = Canary.make(join(daemon.folder, 'canary'));
});
after(() => daemon.close());

const STARTS = 60;
const CLIMB = '../../../../../../../../../..';

/** A folder that two containers have at /vol. */
function volumeOf(name: string): string {
  const volume = join(daemon.folder, name);
  mkdirSync(volume);
  return volume;
}

/** Swaps /vol/`first` and /vol/`second` while `STARTS` containers live, one after the other. */
async function race(
  volume: string,
  [first, second]: readonly [string, string],
  live: (turn: number) => Promise<Attempt>,
): Promise<Attempt[]> {
  const mounts = [{ type: 'bind', source: volume, target: '/vol' }];
  const racer = await startHostile(daemon, ['attack', 'swap', `/vol/${first}`, `/vol/${second}`], { mounts });
  const seen: Attempt[] = [];
  for (let turn = 0; turn < STARTS; turn++) seen.push(await live(turn));
  const { status } = await daemon.client.must<{ status: string }>('GET', `/v1/containers/${racer}`);
  assert.equal(status, 'running', 'the race was on all the time');
  await remove(daemon, racer);
  return seen;
}

for (const [name, to] of [
  ['absolute', (folder: string) => folder],
  ['relative', (folder: string) => CLIMB + folder],
] as const) {
  test(`CVE-2021-30465, 2024-45310: a mount point is exchanged for a link to the host (${name})`, async () => {
    const volume = volumeOf(`exchange-${name}`);
    mkdirSync(join(volume, 'point'));
    symlinkSync(to(canary.folder), join(volume, 'link'));
    const seen = await race(volume, ['point', 'link'], (turn) =>
      attempt(daemon, ['cat', '/proc/self/mounts'], {
        mounts: [
          { type: 'bind', source: volume, target: '/vol' },
          { type: 'tmpfs', target: '/vol/point/made', size: '1m' },
          { type: 'bind', source: '/etc/hostname', target: `/vol/point/file-${turn % 4}` },
          { type: 'tmpfs', target: '/vol/point', size: '1m' },
        ],
      }),
    );
    const ran = seen.filter(({ refused }) => refused === undefined);
    assert.ok(ran.length > 0, seen[0]?.refused?.detail);
    // What was mounted is in the container: had it been mounted elsewhere it would not be among its mounts.
    for (const { stdout } of ran) {
      const tmpfs = stdout.split('\n').filter((line) => line.includes('size=1024k'));
      assert.ok(tmpfs.length >= 2, stdout);
    }
    assert.deepEqual(canary.changes(), []);
  });
}

/** What comes of a path whose parts change places. */
function lostRace(error: unknown): void {
  if (!['ENOENT', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
}

test('the race bites: whoever makes the mount point by its path reaches the canary', async () => {
  const volume = volumeOf('naive');
  const target = Canary.make(join(daemon.folder, 'reached'));
  mkdirSync(join(volume, 'point'));
  symlinkSync(target.folder, join(volume, 'link'));
  const mounts = [{ type: 'bind', source: volume, target: '/vol' }];
  const racer = await startHostile(daemon, ['attack', 'swap', '/vol/point', '/vol/link'], { mounts });
  const end = performance.now() + 30_000;
  const folder = join(volume, 'point', 'made');
  while (target.changes().length === 0 && performance.now() < end) {
    for (let i = 0; i < 50; i++) await mkdir(folder).catch(lostRace);
    await rmdir(folder).catch(lostRace);
  }
  await remove(daemon, racer);
  assert.ok(target.changes().length > 0);
});

test('CVE-2024-45310: a working directory that is made, its parent exchanged', async () => {
  const volume = volumeOf('workdir');
  mkdirSync(join(volume, 'point'));
  symlinkSync(CLIMB + canary.folder, join(volume, 'link'));
  await race(volume, ['point', 'link'], (turn) =>
    attempt(daemon, ['/bin/pwd'], {
      mounts: [{ type: 'bind', source: volume, target: '/vol' }],
      workdir: `/vol/point/made-${turn}/below`,
    }),
  );
  assert.deepEqual(canary.changes(), []);
});

test('CVE-2025-31133, 62161: /dev/null is exchanged for a link to core_pattern', async () => {
  const volume = volumeOf('devices');
  for (const name of ['zero', 'full', 'random', 'urandom', 'tty', 'pts', 'shm', 'mqueue'])
    writeFileSync(join(volume, name), '');
  for (const name of ['pts', 'shm', 'mqueue']) {
    rmSync(join(volume, name));
    mkdirSync(join(volume, name));
  }
  writeFileSync(join(volume, 'null'), '');
  symlinkSync('/proc/sys/kernel/core_pattern', join(volume, 'link'));
  const look =
    'stat -c "%n %t:%T" /proc/timer_list /proc/keys; echo pwned > /proc/sys/kernel/core_pattern; echo pwned > /proc/timer_list; true';
  const seen = await race(volume, ['null', 'link'], () =>
    attempt(daemon, ['/bin/sh', '-c', look], { mounts: [{ type: 'bind', source: volume, target: '/dev' }] }),
  );
  for (const { refused, stdout } of seen) {
    if (refused === undefined) assert.match(stdout, /^\/proc\/timer_list 1:3$/m, stdout);
    for (const line of stdout.split('\n').filter((entry) => entry.startsWith('/proc'))) assert.match(line, / 1:3$/);
  }
  assert.ok(
    seen.some(({ refused }) => refused === undefined),
    seen[0]?.refused?.detail,
  );
  assert.deepEqual(canary.changes(), []);
});

test('CVE-2025-52881, 62596: sysctl writes while mounts over procfs are exchanged', async () => {
  const volume = volumeOf('procfs');
  symlinkSync('/proc/sys/net/ipv4', join(volume, 'link'));
  mkdirSync(join(volume, 'point'));
  writeFileSync(join(volume, 'point/ip_forward'), 'canary\n');
  const show = ['/bin/sh', '-c', 'umount /proc/sys/net/ipv4 2>/dev/null; cat /proc/sys/net/ipv4/ip_forward'];
  const seen = await race(volume, ['point', 'link'], () =>
    attempt(daemon, show, {
      sysctls: { 'net.ipv4.ip_forward': '1', 'net.ipv4.ip_default_ttl': '77' },
      mounts: [
        { type: 'bind', source: volume, target: '/vol' },
        { type: 'bind', source: canary.folder, target: '/vol/point' },
      ],
    }),
  );
  // The file of the host that bears the parameter's name is as it was, and so are the host's parameters.
  assert.deepEqual(canary.changes(), []);
  for (const { refused, stdout } of seen) {
    if (refused === undefined) assert.match(stdout, /^(1|canary.*)$/m);
  }
  assert.deepEqual(readdirSync(volume).sort(), ['link', 'point']);
  // Labels of AppArmor and SELinux take the same descriptor; a host without either refuses them by name.
});
