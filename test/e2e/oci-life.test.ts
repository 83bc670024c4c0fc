/** tare-oci from create to delete: what each command does, refuses and leaves behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FOREVER, groupsOf, plainConfig, processesOf } from '../harness/oci-config.ts';
import { mountsBelow, newId, OciRuntime, type Bundle } from '../harness/oci.ts';
import { until } from '../harness/until.ts';

let oci: OciRuntime;
let bundle: Bundle;
before(() => {
  oci = new OciRuntime();
  bundle = oci.bundle(plainConfig(FOREVER));
});
after(() => oci.close());

async function created(id: string, from = bundle): Promise<number> {
  const pidFile = join(oci.folder, `${id}.pid`);
  const { code, stderr } = await oci.create(id, from, ['--pid-file', pidFile]);
  assert.equal(code, 0, stderr);
  return Number(readFileSync(pidFile, 'utf8'));
}

async function running(id: string, from = bundle): Promise<number> {
  const pid = await created(id, from);
  const { code, stderr } = await oci.start(id);
  assert.equal(code, 0, stderr);
  return pid;
}

function assertGone(id: string): void {
  assert.deepEqual(groupsOf(id), []);
  assert.equal(existsSync(join(oci.root, id)), false);
}

test('a container is created, started, signalled and deleted, and nothing of it is left', async () => {
  const id = newId();
  const pid = await created(id);
  const state = await oci.state(id);
  assert.equal(state?.status, 'created');
  assert.equal(state.pid, pid);
  assert.equal(state.id, id);
  assert.equal(state.bundle, bundle.folder);
  assert.equal(state.ociVersion, '1.2.0');
  assert.notEqual(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(), FOREVER.join(' '));

  assert.equal((await oci.start(id)).code, 0);
  assert.equal((await oci.state(id))?.status, 'running');
  assert.equal(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(), FOREVER.join(' '));

  const refused = await oci.delete(id);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /running/);

  assert.equal((await oci.kill(id, 'SIGKILL')).code, 0);
  await oci.reach(id, 'stopped');
  const late = await oci.kill(id, 'TERM');
  assert.equal(late.code, 1);
  assert.match(late.stderr, /container not running/);
  assert.equal((await oci.delete(id)).code, 0);
  assertGone(id);
  const missing = await oci.invoke(['state', id]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /does not exist/);
});

test('the program has three descriptors, a session of its own, and the groups that the container was given', async () => {
  const id = newId();
  const pid = await running(id);
  assert.deepEqual(readdirSync(`/proc/${pid}/fd`).sort(), ['0', '1', '2']);
  assert.equal(readlinkSync(`/proc/${pid}/exe`).endsWith('/bin/busybox'), true);
  assert.equal(readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/tare-oci/${id}`), true);
  const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
  assert.equal(Number(session), pid);
  assert.equal((await oci.delete(id, true)).code, 0);
  assertGone(id);
});

test('only one of many starts is the start', async () => {
  const id = newId();
  await created(id);
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => oci.start(id)));
  assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 1, 1, 1]);
  assert.equal((await oci.state(id))?.status, 'running');
  assert.equal((await oci.start(id)).code, 1);
  await oci.delete(id, true);
});

test('only one of many creates of a name is the creation, and the others harm it not', async () => {
  const id = newId();
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => oci.create(id, bundle)));
  assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 1, 1, 1]);
  assert.equal((await oci.start(id)).code, 0);
  assert.equal((await oci.state(id))?.status, 'running');
  await oci.delete(id, true);
  assertGone(id);
});

test('what cannot be created is told in one line and leaves nothing', async () => {
  const mount = { destination: '/mnt', type: 'bind', source: '/no/such/thing', options: ['bind'] };
  const missing = oci.bundle(plainConfig(FOREVER, {}, { mounts: [mount] }));
  const cases: [id: string, bundle: Bundle, flags: string[], said: RegExp][] = [
    [newId(), missing, [], /\/no\/such\/thing.*no such file or directory/],
    [newId(), bundle, ['--console-socket', '/no/such/socket'], /no terminal/],
    [newId(), bundle, ['--pid-file', '/no/such/folder/pid'], /ENOENT/],
    [newId(), bundle, ['--preserve-fds', '1'], /descriptor 3/],
    [newId(), bundle, ['--bundle', '/no/such/bundle'], /\/no\/such\/bundle/],
  ];
  for (const [id, from, flags, said] of cases) {
    const { code, stderr } = await oci.create(id, from, flags);
    assert.equal(code, 1, id);
    assert.match(stderr, said);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assertGone(id);
  }
  for (const id of ['a/b', '..', '.', 'a b', 'ä', 'x'.repeat(1025)]) {
    const { code, stderr } = await oci.invoke(['create', '--bundle', bundle.folder, id]);
    assert.equal(code, 1);
    assert.match(stderr, /container id/);
  }
});

test('a program that is not there is told as what it is, and the container can be deleted', async () => {
  const id = newId();
  const { code, stderr } = await oci.create(id, oci.bundle(plainConfig(['/no/such/program'])));
  const started = code === 0 ? await oci.start(id) : { code, stderr };
  assert.equal(started.code, 1);
  assert.match(started.stderr, /"\/no\/such\/program".*no such file or directory/);
  assert.equal((await oci.delete(id, true)).code, 0);
  assertGone(id);
});

test('delete --force ends what runs, and is content with what is not there', async () => {
  const [id, other] = [newId(), newId()];
  const pid = await running(id);
  assert.equal((await oci.delete(id, true)).code, 0);
  assertGone(id);
  assert.equal(existsSync(`/proc/${pid}/exe`), false);
  assert.equal((await oci.delete(other, true)).code, 0);
  assert.equal((await oci.delete(other)).code, 1);
  // Half made: the name is taken, and nothing more.
  mkdirSync(join(oci.root, other));
  assert.equal((await oci.delete(other)).code, 1);
  assert.equal((await oci.delete(other, true)).code, 0);
  assertGone(other);
});

test('kill --all reaches every process, also once init is gone', async () => {
  const config = plainConfig(['/bin/sh', '-c', 'sleep 100000 & sleep 100000 & exec sleep 100000']);
  const namespaces = ['network', 'ipc', 'uts', 'mount'].map((type) => ({ type }));
  const id = newId();
  const pid = await running(id, oci.bundle({ ...config, linux: { namespaces } }));
  await until('all three run', () => processesOf(id).length === 3);
  assert.equal((await oci.kill(id, 'KILL')).code, 0);
  await oci.reach(id, 'stopped');
  assert.equal(processesOf(id).includes(pid), false);
  assert.equal((await oci.invoke(['kill', '--all', id, 'TERM'])).code, 0);
  await until('nobody is left', () => processesOf(id).length === 0);
  assert.equal((await oci.delete(id)).code, 0);
  assertGone(id);
});

test('a number that is another process by now is a stopped container, and that process is let alone', async () => {
  const id = newId();
  await running(id);
  const bystander = spawn('/bin/sleep', ['100000']);
  const path = join(oci.root, id, 'state.json');
  const record = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...record, pid: bystander.pid }));
  assert.equal((await oci.state(id))?.status, 'stopped');
  assert.equal((await oci.kill(id, 'KILL')).code, 1);
  assert.equal((await oci.delete(id, true)).code, 0);
  assertGone(id);
  assert.equal(bystander.exitCode, null);
  assert.equal(bystander.signalCode, null);
  bystander.kill('SIGKILL');
  await once(bystander, 'exit');
});

test('deleting while others start leaves nothing, whoever comes first', async () => {
  for (let round = 0; round < 4; round++) {
    const id = newId();
    await created(id);
    const [, removed] = await Promise.all([oci.start(id), oci.delete(id, true)]);
    assert.equal(removed.code, 0, removed.stderr);
    assertGone(id);
  }
});

test('a paused container is that, and can still be killed', async () => {
  const id = newId();
  await running(id);
  assert.equal((await oci.invoke(['pause', id])).code, 0);
  assert.equal((await oci.state(id))?.status, 'paused');
  const refused = await oci.exec(id, ['true']);
  assert.equal(refused.code, 255);
  assert.match(refused.stderr, /paused/);
  assert.equal((await oci.kill(id, 'KILL')).code, 0);
  await oci.reach(id, 'stopped');
  assert.equal((await oci.delete(id)).code, 0);
});

test('without a mount namespace the mounts are made on the host below the root, and all of them go again', async () => {
  const spec = plainConfig(FOREVER, {}, { linux: { namespaces: [{ type: 'pid' }] } });
  delete spec.hostname;
  const from = oci.bundle(spec);
  const ids = [newId(), newId()];
  const pid = await running(ids[0] ?? '', from);
  assert.equal(readlinkSync(`/proc/${pid}/ns/mnt`), readlinkSync('/proc/self/ns/mnt'));
  assert.deepEqual(
    mountsBelow(from.rootfs).sort(),
    ['dev', 'dev/pts', 'proc'].map((name) => from.inside(name)),
  );
  assert.equal((await oci.delete(ids[0] ?? '', true)).code, 0);
  assert.deepEqual(mountsBelow(from.rootfs), []);

  const mounts = [...(spec.mounts as object[]), { destination: '/tmp', type: 'bind', source: '/no/such/thing' }];
  from.write({ ...spec, mounts });
  assert.equal((await oci.create(ids[1] ?? '', from)).code, 1);
  assert.deepEqual(mountsBelow(from.rootfs), []);
});

test('a container may be made without a program, but not started', async () => {
  const spec = plainConfig([]);
  delete spec.process;
  const id = newId();
  await created(id, oci.bundle(spec));
  const { code, stderr } = await oci.start(id);
  assert.equal(code, 1);
  assert.match(stderr, /process/);
  await oci.reach(id, 'stopped');
  assert.equal((await oci.delete(id)).code, 0);
});
