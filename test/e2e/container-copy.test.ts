/** Files in and out of containers, whether they run or not: what arrives is what was sent, and stays inside. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Canary } from '../harness/attacks.ts';
import { copyIn, copyOut, entriesOf, statAt } from '../harness/copy.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { makeRootfs } from '../harness/rootfs.ts';
import { directory, file, hardlink, symlink, tar } from '../harness/tar.ts';
import { treeOf } from '../harness/tree.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  canary = Canary.make(join(daemon.folder, 'canary'));
});
after(() => daemon.close());

const SLEEP = ['sleep', '10000'];

async function container(isRunning: boolean, request: Record<string, unknown> = {}): Promise<string> {
  const id = await daemon.create(SLEEP, request);
  if (isRunning) await daemon.client.must('POST', `/v1/containers/${id}/start`);
  return id;
}

async function inContainer(id: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await daemon.cli(['exec', id, 'sh', '-c', script]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Unpacked by GNU tar. */
function unpacked(archive: Buffer, name: string): string {
  const folder = join(daemon.folder, name);
  mkdirSync(folder);
  execFileSync('tar', ['-x', '-p', '--same-owner', '--xattrs', '--xattrs-include=*', '-C', folder], { input: archive });
  return folder;
}

const ODD = tar(
  directory('odd', { mode: 0o2751, uid: 12, gid: 34, mtime: 1_111_111_111 }),
  file('odd/program', 'x'.repeat(100_000), { mode: 0o4755, uid: 0, gid: 0 }),
  file('odd/of another', 'mine', { mode: 0o640, uid: 3_000_000, gid: 70_000, pax: { mtime: '1234567890.123456789' } }),
  hardlink('odd/again', 'odd/of another'),
  symlink('odd/link', '../../../../../etc/passwd', { uid: 5 }),
  symlink('odd/dangling', '/nowhere'),
  { name: 'odd/pipe', type: '6', mode: 0o622 },
  { name: 'odd/null', type: '3', major: 1, minor: 3, mode: 0o666 },
  directory('odd/deep'),
  file('odd/deep/äö\n', 'name', { pax: { 'SCHILY.xattr.user.note': 'kept' } }),
);

for (const isRunning of [true, false]) {
  describe(isRunning ? 'while it runs' : 'while it does not run', () => {
    test('what goes in comes out again as it was', async () => {
      const id = await container(isRunning);
      assert.equal((await copyIn(daemon, id, '/home', ODD, { keepOwners: 'true' })).status, 204);
      const { archive, stat } = await copyOut(daemon, id, '/home/odd');
      assert.deepEqual([stat.name, stat.kind, stat.mode], ['odd', 'directory', 0o2751]);
      const [sent, came] = [unpacked(ODD, `sent-${String(isRunning)}`), unpacked(archive, `came-${String(isRunning)}`)];
      assert.deepEqual(treeOf(join(came, 'odd')), treeOf(join(sent, 'odd')));
    });

    test('files belong to the root of the container unless owners are kept, and run as nobody else then', async () => {
      const id = await container(isRunning);
      const archive = tar(file('foreign', 'f', { mode: 0o6755, uid: 7, gid: 8 }), file('own', 'o', { mode: 0o4755 }));
      for (const compressed of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
        assert.equal((await copyIn(daemon, id, '/root', compressed)).status, 204);
      }
      const entries = entriesOf((await copyOut(daemon, id, '/root/')).archive);
      const { uid, gid, mode } = entries.get('root/foreign')!;
      assert.deepEqual([uid, gid, mode], [0, 0, 0o755]);
      assert.equal(entries.get('root/own')?.mode, 0o4755);
    });

    test('paths: links at the end, slashes, parents, and what is not there', async () => {
      const id = await container(isRunning);
      const archive = tar(
        directory('real'),
        file('real/f', 'F'),
        symlink('real/up', '/home/way'),
        symlink('way', 'real'),
      );
      await copyIn(daemon, id, '/home', archive);
      const names = async (path: string, query = {}): Promise<string[]> =>
        [...entriesOf((await copyOut(daemon, id, path, query)).archive).keys()].sort();
      assert.deepEqual(await names('/home/way'), ['way']);
      assert.deepEqual(await names('/home/way', { follow: 'true' }), ['way', 'way/f', 'way/up']);
      assert.deepEqual(await names('/home/way/'), ['way', 'way/f', 'way/up']);
      assert.deepEqual(await names('/home/way/.'), ['.', './f', './up']);
      assert.deepEqual(await names('home/way/up/f'), ['f']);
      assert.deepEqual(await names('/../../home/way/../../etc/passwd'), ['passwd']);
      assert.equal((await statAt(daemon, id, '/home/real/up')).stat.linkTarget, '/home/real');
      assert.equal((await statAt(daemon, id, '/home/real/up', { follow: 'true' })).stat.kind, 'directory');
      assert.equal((await statAt(daemon, id, '/')).stat.name, '/');
      assert.equal((await statAt(daemon, id, '/nix')).status, 404);
      for (const [path, code] of [
        ['/nix', 'path_not_found'],
        ['/etc/passwd/', 'not_a_directory'],
        ['/etc/passwd/x', 'not_a_directory'],
      ] as const) {
        assert.equal((await copyOut(daemon, id, path)).problem.code, code, path);
      }
      assert.equal((await copyIn(daemon, id, '/nix', archive)).body.code, 'path_not_found');
      assert.equal((await copyIn(daemon, id, '/etc/passwd', archive)).body.code, 'not_a_directory');
    });

    test('a kind is not put in place of another, unless that is asked for', async () => {
      const id = await container(isRunning);
      await copyIn(daemon, id, '/tmp', tar(directory('d'), file('d/kept'), file('f', 'old'), symlink('l', 'd')));
      for (const archive of [tar(file('d', 'new')), tar(directory('f')), tar(directory('l')), tar(file('f/below'))]) {
        assert.equal((await copyIn(daemon, id, '/tmp', archive)).body.code, 'path_is_busy');
      }
      const more = { overwriteKinds: 'true' };
      assert.equal((await copyIn(daemon, id, '/tmp', tar(file('d', 'new'), directory('f')), more)).status, 204);
      const entries = entriesOf((await copyOut(daemon, id, '/tmp')).archive);
      assert.deepEqual([...entries.keys()].sort(), ['tmp', 'tmp/d', 'tmp/f', 'tmp/l']);
      assert.equal(entries.get('tmp/f')?.kind, 'directory');
    });

    test('nothing that an archive says leads out of the container', async () => {
      const id = await container(isRunning);
      const climb = `../../../../../../../..${canary.folder}`;
      for (const archive of [
        tar(file(`${climb}/secret`, 'gotcha')),
        tar(symlink('out', canary.folder), file('out/secret', 'gotcha')),
        tar(symlink('out', climb), file('out/secret', 'gotcha')),
        tar(symlink('out', `${canary.folder}/secret`), file('out', 'gotcha')),
        tar(hardlink('secret', `${canary.folder}/secret`), file('secret', 'gotcha')),
        tar(hardlink('secret', `${climb}/secret`)),
        tar(symlink('out', canary.folder), hardlink('secret', 'out/secret'), file('secret', 'gotcha')),
        tar(symlink('out', `/proc/1/root${canary.folder}`), file('out/secret', 'gotcha')),
        tar(file('cut off', 'x'.repeat(5000))).subarray(0, 2000),
      ]) {
        const { status, body } = await copyIn(daemon, id, '/tmp', archive, { keepOwners: 'true' });
        assert.ok(
          status === 204 || status === 400 || status === 409 || status === 422,
          `${status} ${body.detail ?? ''}`,
        );
        assert.deepEqual(canary.changes(), []);
      }
      const { problem, archive } = await copyOut(daemon, id, '/tmp/out/secret');
      assert.ok(problem.code !== undefined || !archive.includes('canary'), 'nothing of the host comes out');
    });

    test('binds are seen, and those that are read-only refuse', async () => {
      const [source, fixed] = ['data', 'fixed'].map((name) => join(daemon.folder, `${name}-${String(isRunning)}`));
      for (const path of [source!, fixed!]) {
        mkdirSync(path);
        writeFileSync(join(path, 'there'), 'bound');
      }
      const mounts = [
        { type: 'bind', source, target: '/srv/data' },
        { type: 'bind', source: fixed, target: '/srv/fixed', readonly: true },
        { type: 'tmpfs', target: '/var' },
      ];
      const id = await container(isRunning, { mounts });
      const entries = entriesOf((await copyOut(daemon, id, '/srv')).archive);
      assert.equal(entries.get('srv/data/there')?.data.toString(), 'bound');
      assert.equal((await copyIn(daemon, id, '/srv/data', tar(file('new', 'n')))).status, 204);
      assert.equal(readFileSync(join(source!, 'new'), 'utf8'), 'n');
      assert.equal((await copyIn(daemon, id, '/srv/fixed', tar(file('new', 'n')))).body.code, 'path_read_only');
      const { status, body } = await copyIn(daemon, id, '/var', tar(file('new', 'n')));
      assert.equal(body.code ?? status, isRunning ? 204 : 'unsupported');
    });
  });
}

test('FIFOs, devices and sparse files are told of, and none is waited for', async () => {
  const id = await container(true);
  await inContainer(
    id,
    'mkdir /tmp/odd; cd /tmp/odd; mkfifo pipe; mknod zero c 1 5; truncate -s 1099511627776 hole; echo end >> hole',
  );
  const { archive } = await copyOut(daemon, id, '/tmp/odd');
  assert.ok(archive.length < 100_000, 'holes take no room');
  const listed = execFileSync('tar', ['-tv'], { input: archive, encoding: 'utf8' });
  assert.match(listed, /^prw.* odd\/pipe$/m);
  assert.match(listed, /^crw.* 1,5 .* odd\/zero$/m);
  assert.match(listed, / 1099511627780 .* odd\/hole$/m);
  assert.deepEqual([...entriesOf((await copyOut(daemon, id, '/tmp/odd/pipe')).archive).keys()], ['pipe']);
});

test('what is no file but a view of the kernel is neither read nor written', async () => {
  const id = await container(true);
  for (const path of ['/proc/1/environ', '/proc/sys/kernel/hostname', '/sys/kernel', '/proc']) {
    assert.equal((await copyOut(daemon, id, path)).problem.code, 'unsupported', path);
  }
  assert.equal((await copyIn(daemon, id, '/proc', tar(file('x')))).body.code, 'unsupported');
  assert.equal((await copyIn(daemon, id, '/', tar(file('sys/x')))).body.code, 'unsupported');
  const entries = entriesOf((await copyOut(daemon, id, '/')).archive);
  assert.ok(entries.has('/proc') && entries.has('/etc/passwd'));
  assert.deepEqual(
    [...entries.keys()].filter((name) => /^\/(proc|sys)\/./.test(name)),
    [],
  );
});

test('what is mounted in a container that runs stays mounted', async () => {
  const source = join(daemon.folder, 'single');
  writeFileSync(source, 'bound');
  const id = await container(true, { mounts: [{ type: 'bind', source, target: '/etc/single' }] });
  assert.equal((await copyIn(daemon, id, '/etc', tar(file('single', 'new')))).body.code, 'path_is_busy');
  assert.equal((await copyIn(daemon, id, '/', tar(file('etc', 'new')), { overwriteKinds: 'true' })).status, 409);
  assert.equal(await inContainer(id, 'cat /etc/single'), 'bound');
  assert.equal(readFileSync(source, 'utf8'), 'bound');
});

test('a root that is read-only, and one in memory, say what they are', async () => {
  const readonly = await container(false, { security: { readonlyRootfs: true } });
  assert.equal((await copyIn(daemon, readonly, '/tmp', tar(file('x')))).body.code, 'path_read_only');
  const running = await container(true, { security: { readonlyRootfs: true } });
  assert.equal((await copyIn(daemon, running, '/tmp', tar(file('x')))).body.code, 'path_read_only');
  const memory = await container(false, { upper: 'tmpfs' });
  assert.equal((await copyIn(daemon, memory, '/tmp', tar(file('x')))).body.code, 'unsupported');
  assert.equal((await copyOut(daemon, memory, '/etc/passwd')).status, 200);
});

test('what was copied into a container that does not run is there when it starts', async () => {
  const id = await daemon.create(['cat', '/tmp/new']);
  await copyIn(daemon, id, '/tmp', tar(file('new', 'as it was put')));
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  assert.equal(await daemon.logText(id, 'stdout'), 'as it was put');
  assert.equal((await copyOut(daemon, id, '/tmp/new')).status, 200);
});

test('in a user namespace owners are those that the container sees', async () => {
  const mappings = [{ containerID: 0, hostID: 300_000, size: 65_536 }];
  const oci = {
    linux: {
      namespaces: ['mount', 'pid', 'ipc', 'uts', 'user'].map((type) => ({ type })),
      uidMappings: mappings,
      gidMappings: mappings,
    },
  };
  const rootfs = makeRootfs(join(daemon.folder, 'mapped'));
  execFileSync('chown', ['-hR', '300000:300000', rootfs]);
  const id = await container(true, { rootfs, oci, network: { mode: 'host' } });
  const archive = tar(file('by-root', 'x', { uid: 5, gid: 5 }), file('by-alice', 'y', { uid: 1000, gid: 1000 }));
  const { status, body } = await copyIn(daemon, id, '/tmp', archive, { keepOwners: 'true' });
  assert.equal(status, 204, body.detail);
  assert.equal(await inContainer(id, 'stat -c %u:%g /tmp/by-alice'), '1000:1000\n');
  assert.equal(entriesOf((await copyOut(daemon, id, '/tmp/by-alice')).archive).get('by-alice')?.uid, 1000);
  const stranger = tar(file('stranger', 'z', { uid: 70_000 }));
  assert.equal((await copyIn(daemon, id, '/tmp', stranger, { keepOwners: 'true' })).body.code, 'archive_invalid');
});
