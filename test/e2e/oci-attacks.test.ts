/** Attacks on tare-oci itself: by containers, and by who can write beside what it reads and writes. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FOREVER, plainConfig, processesOf } from '../harness/oci-config.ts';
import { newId, OciRuntime, type Bundle, type Config } from '../harness/oci.ts';

const TARE_OCI = join(import.meta.dirname, '../../bin/tare-oci');

let oci: OciRuntime;
let bundle: Bundle;
before(() => {
  oci = new OciRuntime();
  bundle = oci.bundle(plainConfig(FOREVER));
});
after(() => oci.close());

async function created(from = bundle): Promise<string> {
  const id = newId();
  const { code, stderr } = await oci.create(id, from);
  assert.equal(code, 0, stderr);
  return id;
}

async function running(from = bundle): Promise<string> {
  const id = await created(from);
  const { code, stderr } = await oci.start(id);
  assert.equal(code, 0, stderr);
  return id;
}

/** Another runtime, which closes after the test. */
async function withRuntime(command: readonly string[], act: (other: OciRuntime) => Promise<void>): Promise<void> {
  const other = new OciRuntime(command);
  try {
    await act(other);
  } finally {
    await other.close();
  }
}

test('what waits to be started keeps its descriptors from who is in the container already', async () => {
  const id = await created();
  const look = ['/bin/sh', '-c', 'for fd in /proc/1/fd/*; do readlink "$fd"; done; cat /proc/1/environ'];
  const early = await oci.exec(id, look);
  assert.equal(early.stdout, '');
  assert.equal((await oci.start(id)).code, 0);
  // Then it is the container's own program.
  const late = await oci.exec(id, look);
  assert.match(late.stdout, /\/stdout\n/);
  assert.equal((await oci.delete(id, true)).code, 0);
});

test('a link where the pid file is made is not written through', async () => {
  const folder = join(oci.folder, 'pids');
  const canary = join(oci.folder, 'canary');
  mkdirSync(folder);
  writeFileSync(canary, 'untouched');
  // The shell's number is that of the program that it becomes.
  const plant = `ln -s ${canary} ${folder}/.pid.$$ && exec "$@"`;
  await withRuntime(['sh', '-c', plant, 'sh', TARE_OCI], async (other) => {
    const id = newId();
    const { code, stderr } = await other.create(id, bundle, ['--pid-file', join(folder, 'pid')]);
    assert.equal(code, 0, stderr);
    assert.match(readFileSync(join(folder, 'pid'), 'utf8'), /^\d+$/);
    assert.equal(readFileSync(canary, 'utf8'), 'untouched');
  });
});

test('a passwd file of the container that is none takes nothing away but the home directory', async () => {
  const from = oci.bundle(plainConfig(FOREVER));
  mkdirSync(from.inside('etc'), { recursive: true });
  writeFileSync(from.inside('etc/passwd'), 'root:x:0:0::/x\0LD_PRELOAD=/evil:/bin/sh\n');
  const id = await running(from);
  const { stdout, stderr } = await oci.exec(id, ['env']);
  assert.equal(stdout, 'PATH=/bin\nHOME=/\n', stderr);
  assert.equal((await oci.delete(id, true)).code, 0);
});

test('nothing that a container or a config says reaches a terminal as a command, also by the log', async () => {
  const id = await running();
  for (const format of ['text', 'json']) {
    const log = join(oci.folder, `log-${format}`);
    const { stderr } = await oci.invoke(['exec', id, '/no\u001b[31m\u009b31m\u2028\nlevel=error'], {
      globals: ['--log', log, '--log-format', format],
    });
    for (const text of [stderr, readFileSync(log, 'utf8')]) {
      assert.equal(text.trimEnd().split('\n').length, 1);
      assert.doesNotMatch(text.trimEnd(), /[\p{Cc}\u2028\u2029]/u);
    }
  }
  assert.equal((await oci.delete(id, true)).code, 0);
});

test('a creation that was cut off before its groups were made has nobody that could be killed', async () => {
  const id = await running();
  const other = newId();
  mkdirSync(join(oci.root, other));
  copyFileSync(join(oci.root, id, 'config.json'), join(oci.root, other, 'config.json'));
  const record = JSON.parse(readFileSync(join(oci.root, id, 'state.json'), 'utf8')) as Config;
  delete record.cgroupParents;
  const cut = join(oci.root, other, 'state.json');
  writeFileSync(cut, JSON.stringify({ ...record, id: other, pid: 0, creator: { pid: 1, startTime: '0' } }));
  const { code, stderr } = await oci.invoke(['kill', '--all', other, 'KILL']);
  assert.equal(code, 1);
  assert.match(stderr, /no control groups/);
  assert.equal(processesOf(id).length, 1);
  assert.equal((await oci.delete(other, true)).code, 0);
  assert.equal(processesOf(id).length, 1);
  assert.equal((await oci.delete(id, true)).code, 0);
});

test('the caller’s NODE_OPTIONS and NODE_PATH load nothing', async () => {
  const mark = join(oci.folder, 'loaded');
  const evil = join(oci.folder, 'evil.cjs');
  writeFileSync(evil, `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '');`);
  await withRuntime(['env', `NODE_OPTIONS=--require=${evil}`, `NODE_PATH=${oci.folder}`, TARE_OCI], async (other) => {
    assert.equal((await other.invoke(['list'])).code, 0);
  });
  assert.equal(existsSync(mark), false);
});

test('states are not believed where others can write them', async () => {
  const mark = join(oci.folder, 'ran');
  const hook = { path: '/bin/touch', args: ['touch', mark] };
  const id = await created(oci.bundle(plainConfig(FOREVER, {}, { hooks: { poststop: [hook] } })));
  for (const [mode, owner] of [
    [0o777, 0],
    [0o1777, 0],
    [0o700, 12345],
  ] as const) {
    chmodSync(oci.root, mode);
    chownSync(oci.root, owner, 0);
    for (const command of [['delete', '--force', id], ['state', id], ['list']]) {
      const { code, stderr } = await oci.invoke(command);
      assert.equal(code, 1);
      assert.match(stderr, /others than root can write/);
    }
  }
  chownSync(oci.root, 0, 0);
  chmodSync(oci.root, 0o711);
  assert.equal(existsSync(mark), false);
  assert.equal(existsSync(join(oci.root, id)), true);
  assert.equal((await oci.delete(id, true)).code, 0);
  assert.equal(existsSync(mark), true);
});
