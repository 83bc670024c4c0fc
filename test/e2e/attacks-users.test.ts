/** What an image says about users: numbers, names that look like numbers, files that are none. SECURITY.md's rows. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addAttack, attempt, Canary, execute, hostileRoot, remove, startHostile } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  canary = Canary.make(join(daemon.folder, 'canary'));
});
after(() => daemon.close());

const ids = async (rootfs: string, request: Record<string, unknown>): Promise<string> => {
  const { refused, stdout } = await attempt(daemon, ['cat', '/proc/self/status'], { rootfs, ...request });
  if (refused) assert.ok(refused.status >= 400 && refused.status < 500, refused.detail);
  return refused ? 'refused' : seenBy(stdout);
};

/** "uid gid groups" by the kernel's word: id(1) would read the very files that are odd here. */
function seenBy(status: string): string {
  const field = (name: string) => new RegExp(`^${name}:[\\t ]*(.*?)[\\t ]*$`, 'm').exec(status)?.[1] ?? '?';
  const [uid = '', gid = ''] = [field('Uid'), field('Gid')].map((numbers) => numbers.split(/\s+/)[0]);
  return `${uid} ${gid} ${field('Groups')}`.trim();
}

/** A passwd in which names look like numbers and numbers are out of range; every such line would give root. */
const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  '1000:x:0:0::/:/bin/sh',
  '1:x:0:0::/:/bin/sh',
  '4294967296:x:0:0::/:/bin/sh',
  '-1:x:0:0::/:/bin/sh',
  'big:x:4294967296:0::/:/bin/sh',
  'last:x:4294967295:0::/:/bin/sh',
  'minus:x:-1:-1::/:/bin/sh',
  'hex:x:0x0:0::/:/bin/sh',
  'blank:x: 0:0::/:/bin/sh',
  'nothing:x:::/:/bin/sh',
  'toor:x:0:0::/:/bin/sh',
  'alice:x:1001:1001::/:/bin/sh',
  '',
].join('\n');
const GROUP = ['root:x:0:', '10:x:0:alice', 'big:x:4294967296:alice', 'minus:x:-1:alice', 'real:x:77:alice', ''].join(
  '\n',
);

const EXPECTED: [user: string, seen: string][] = [
  ['1000', '1000 0'],
  ['1', '1 0'],
  ['1000:10', '1000 10'],
  ['toor', '0 0'],
  ['alice', '1001 1001 0 77'],
  ['4294967294', '4294967294 0'],
];
const REFUSED = [
  '4294967295',
  '4294967296',
  '18446744073709551616',
  '-1',
  '+0',
  '0x0',
  '1e3',
  '0:4294967296',
  '0:-1',
  'big',
  'last',
  'minus',
  'hex',
  'nothing',
  'alice:big',
  'alice:minus',
  ':',
  '0:',
];

test('CVE-2024-40635, 2022-36109: exact ids or a refusal, at create', async () => {
  const rootfs = hostileRoot(daemon, 'numbers');
  writeFileSync(join(rootfs, 'etc/passwd'), PASSWD);
  writeFileSync(join(rootfs, 'etc/group'), GROUP);
  for (const [user, seen] of EXPECTED) assert.equal(await ids(rootfs, { user }), seen, user);
  for (const user of REFUSED) assert.equal(await ids(rootfs, { user }), 'refused', user);
  for (const groups of [['4294967296'], ['-1'], ['big'], ['minus']]) {
    assert.equal(await ids(rootfs, { user: '5', groups }), 'refused', groups[0]);
  }
  for (const uid of [4294967295, 4294967296, 4294967296.5, -1, '0', null, 2 ** 53]) {
    if (uid === null) continue;
    assert.equal(await ids(rootfs, { user: '5', oci: { process: { user: { uid } } } }), 'refused', String(uid));
    assert.equal(await ids(rootfs, { user: '5', oci: { process: { user: { additionalGids: [uid] } } } }), 'refused');
  }
});

test('CVE-2022-36109: exact ids or a refusal, in an exec', async () => {
  const rootfs = hostileRoot(daemon, 'exec-numbers');
  writeFileSync(join(rootfs, 'etc/passwd'), PASSWD);
  writeFileSync(join(rootfs, 'etc/group'), GROUP);
  const id = await startHostile(daemon, ['/bin/sh', '-c', 'echo ready; exec sleep 1000'], { rootfs });
  for (const [user, seen] of EXPECTED) {
    const { stdout, code } = await daemon.cli(['exec', '-u', user, id, 'cat', '/proc/self/status']);
    assert.deepEqual([code, seenBy(stdout)], [0, seen], user);
  }
  for (const user of REFUSED) {
    const { problem } = await execute(daemon, id, { command: ['/bin/true'], user });
    assert.ok(problem !== undefined && problem.status < 500, user);
  }
  await remove(daemon, id);
});

async function residentKilobytes(): Promise<number> {
  return Promise.resolve(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]));
}

/** Ways to make a file that is none, at `path` of the root. */
const ODD_FILES: [name: string, make: (path: string) => void][] = [
  ['a FIFO', (path) => execFileSync('mkfifo', [path])],
  ['a directory', (path) => mkdirSync(path)],
  ['a link to itself', (path) => symlinkSync(path.slice(path.lastIndexOf('/') + 1), path)],
  ['a link to the host', (path) => symlinkSync(join(canary.folder, 'passwd'), path)],
  ['a link that climbs', (path) => symlinkSync('../../../../../../..' + join(canary.folder, 'passwd'), path)],
  ['a link to /proc/1/root', (path) => symlinkSync('/proc/1/root/etc/passwd', path)],
  ['a link to /dev/zero', (path) => symlinkSync('/dev/zero', path)],
  ['a device', (path) => execFileSync('mknod', [path, 'c', '1', '5'])],
  [
    'four gigabytes',
    (path) => {
      writeFileSync(path, 'root:x:0:0:\n');
      truncateSync(path, 4 * 1024 ** 3);
    },
  ],
  ['a line of fifteen megabytes', (path) => writeFileSync(path, 'x'.repeat(15 * 1024 ** 2))],
  ['fifteen megabytes of colons', (path) => writeFileSync(path, ':'.repeat(15 * 1024 ** 2))],
];

test('CVE-2024-9676, 2026-47262: passwd and group are no files, or gigabytes: no hang, bounded, nothing of the host', async () => {
  writeFileSync(join(canary.folder, 'passwd'), 'hostonly:x:0:0::/:/bin/sh\n');
  const before = await residentKilobytes();
  for (const [index, [name, make]] of ODD_FILES.entries()) {
    for (const file of ['etc/passwd', 'etc/group']) {
      const rootfs = hostileRoot(daemon, `odd-${index}-${file.slice(4)}`);
      rmSync(join(rootfs, file));
      make(join(rootfs, file));
      const wanted = file === 'etc/passwd' ? { user: 'hostonly' } : { user: '0:hostonly' };
      assert.equal(await ids(rootfs, wanted), 'refused', `${file}: ${name}`);
      // Nobody else had to wait, and a number for both needs neither file's content.
      assert.equal((await daemon.client.send('GET', '/v1/ping')).status, 200);
      await ids(rootfs, { user: '7:7' });
      rmSync(rootfs, { recursive: true });
    }
  }
  rmSync(join(canary.folder, 'passwd'));
  const grown = (await residentKilobytes()) - before;
  assert.ok(grown < 400 * 1024, `the daemon grew by ${grown} kB`);
});

test('CVE-2026-47262: a running container makes its passwd a FIFO, and swaps it while execs look names up', async () => {
  const rootfs = hostileRoot(daemon, 'exec-odd');
  const fifo = await startHostile(
    daemon,
    ['/bin/sh', '-c', 'rm /etc/passwd /etc/group; mkfifo /etc/passwd /etc/group; echo ready; exec sleep 1000'],
    { rootfs },
  );
  for (const user of ['alice', '0:wheel', 'nobody:nobody']) {
    const { problem } = await execute(daemon, fifo, { command: ['/bin/true'], user });
    assert.ok(problem !== undefined && problem.status < 500, user);
  }
  await remove(daemon, fifo);

  addAttack(join(rootfs, 'bin/attack'));
  const swapping = await startHostile(
    daemon,
    ['/bin/sh', '-c', `mkfifo /etc/fifo; exec attack swap /etc/passwd /etc/fifo`],
    { rootfs },
  );
  const seen = new Set<string>();
  for (let turn = 0; turn < 200; turn++) {
    const { status, problem } = await execute(daemon, swapping, { command: ['/bin/true'], user: 'alice' });
    seen.add(problem === undefined ? 'ran' : 'refused');
    assert.ok(status < 500, problem?.detail);
  }
  // It bites: both were met.
  assert.deepEqual([...seen].sort(), ['ran', 'refused']);
  await remove(daemon, swapping);
  assert.deepEqual(canary.changes(), []);
});
