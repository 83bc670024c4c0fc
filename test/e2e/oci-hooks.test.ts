/** Hooks of the OCI runtime specification, run by tare-oci: their moments, what they are told, and what a failing one does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FOREVER, groupsOf, plainConfig } from '../harness/oci-config.ts';
import { newId, OciRuntime, type Bundle } from '../harness/oci.ts';
import { until } from '../harness/until.ts';

const TARE_OCI = join(import.meta.dirname, '../../bin/tare-oci');
const HOST_KINDS = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop'] as const;

let oci: OciRuntime;
before(() => {
  oci = new OciRuntime();
});
after(() => oci.close());

interface Hook {
  readonly path: string;
  readonly args: readonly string[];
  readonly timeout?: number;
}

const shell = (script: string, further: Partial<Hook> = {}): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  ...further,
});

/** Each hook adds a line to `log`, which lies in the root for those that cannot see the host. */
function withHooks(further: Readonly<Record<string, Hook[]>>, changes: object = {}): { bundle: Bundle; log: string } {
  const bundle = oci.bundle({});
  const log = join(bundle.rootfs, 'log');
  const hooks = Object.fromEntries(HOST_KINDS.map((kind) => [kind, [shell(`echo ${kind} $(cat) >> ${log}`)]]));
  const inside = { startContainer: [shell('echo startContainer $(cat) >> /log')] };
  bundle.write(plainConfig(FOREVER, {}, { hooks: { ...hooks, ...inside, ...further }, ...changes }));
  return { bundle, log };
}

/** [kind, status, pid] of each hook that ran, in order. */
function linesOf(log: string): [kind: string, status: string, pid: number | undefined][] {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const space = line.indexOf(' ');
    const { status, pid } = JSON.parse(line.slice(space)) as { status: string; pid?: number };
    return [line.slice(0, space), status, pid];
  });
}

test('each kind runs at its moment and is told the state of then', async () => {
  const { bundle, log } = withHooks({});
  const id = newId();
  const created = await oci.create(id, bundle);
  assert.equal(created.code, 0, created.stderr);
  const pid = (await oci.state(id))?.pid;
  const early: unknown[] = [
    ['prestart', 'created', pid],
    ['createRuntime', 'creating', pid],
    ['createContainer', 'creating', pid],
  ];
  assert.deepEqual(linesOf(log), early);
  assert.equal((await oci.start(id)).code, 0);
  const started = [...early, ['startContainer', 'created', pid], ['poststart', 'running', pid]];
  assert.deepEqual(linesOf(log), started);
  assert.equal((await oci.delete(id, true)).code, 0);
  assert.deepEqual(linesOf(log), [...started, ['poststop', 'stopped', undefined]]);
});

test('a hook that fails before the container is created undoes it, and poststop hooks run', async () => {
  for (const kind of ['prestart', 'createRuntime', 'createContainer']) {
    const { bundle, log } = withHooks({ [kind]: [shell('exit 0'), shell('echo no such luck >&2; exit 3')] });
    const id = newId();
    const { code, stderr } = await oci.create(id, bundle);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${kind} hook 1 \\(/bin/sh\\): exit code 3: no such luck`));
    assert.equal(await oci.state(id), undefined);
    assert.equal(existsSync(join(oci.root, id)), false);
    assert.deepEqual(groupsOf(id), []);
    assert.equal(linesOf(log).at(-1)?.[0], 'poststop');
  }
});

test('a startContainer hook that fails stops the container, and delete runs its poststop hooks', async () => {
  const { bundle, log } = withHooks({ startContainer: [shell('echo not now >&2; exit 4')] });
  const id = newId();
  assert.equal((await oci.create(id, bundle)).code, 0);
  const { code, stderr } = await oci.start(id);
  assert.equal(code, 1);
  assert.match(stderr, /startContainer hook 0 \(\/bin\/sh\): exit code 4: not now/);
  assert.equal((await oci.state(id))?.status, 'stopped');
  assert.equal((await oci.delete(id)).code, 0);
  assert.equal(linesOf(log).at(-1)?.[0], 'poststop');
});

test('a poststart hook that fails is a warning up to version 1.2, and the end of the container from 1.3 on', async () => {
  const poststart = [shell('echo alas >&2; exit 5')];
  const [older, newer] = [newId(), newId()];
  assert.equal((await oci.create(older, withHooks({ poststart }).bundle)).code, 0);
  const warned = await oci.start(older);
  assert.equal(warned.code, 0);
  assert.match(warned.stderr, /warning.*poststart hook 0 .*alas/);
  assert.equal((await oci.state(older))?.status, 'running');
  await oci.delete(older, true);

  assert.equal((await oci.create(newer, withHooks({ poststart }, { ociVersion: '1.3.0' }).bundle)).code, 0);
  const failed = await oci.start(newer);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /alas/);
  assert.equal((await oci.state(newer))?.status, 'stopped');
  await oci.delete(newer);
});

test('a poststop hook that fails is a warning, and the next one runs', async () => {
  const { bundle, log } = withHooks({});
  const id = newId();
  const last = shell(`echo poststop $(cat) >> ${log}`);
  bundle.write(plainConfig(FOREVER, {}, { hooks: { poststop: [shell('exit 6'), last] } }));
  assert.equal((await oci.create(id, bundle)).code, 0);
  const removed = await oci.delete(id, true);
  assert.equal(removed.code, 0);
  assert.match(removed.stderr, /warning.*poststop hook 0 .*exit code 6/);
  assert.deepEqual(linesOf(log), [['poststop', 'stopped', undefined]]);
  assert.equal(await oci.state(id), undefined);
});

test('a hook that takes too long is killed, wherever it runs', async () => {
  for (const kind of ['createRuntime', 'createContainer']) {
    const { bundle } = withHooks({ [kind]: [shell('exec sleep 100000', { timeout: 1 })] });
    const { code, stderr } = await oci.create(newId(), bundle);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${kind} hook 0 .*timeout of 1 s`));
  }
});

test('run is not held up by a hook when it is told to end', async () => {
  for (const kind of ['createRuntime', 'createContainer', 'startContainer']) {
    const { bundle, log } = withHooks({});
    const id = newId();
    const begun = kind === 'startContainer' ? '/begun' : bundle.inside('begun');
    const hook = shell(`touch ${begun}; exec sleep 100000`);
    bundle.write(
      plainConfig(FOREVER, {}, { hooks: { [kind]: [hook], poststop: [shell(`echo poststop $(cat) >> ${log}`)] } }),
    );
    const args = ['--root', oci.root, 'run', '--bundle', bundle.folder, id];
    const child = spawn(TARE_OCI, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const closed = once(child, 'close');
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    await until('the hook runs', () => existsSync(bundle.inside('begun')));
    child.kill('SIGTERM');
    assert.deepEqual(await closed, [1, null]);
    assert.match(said, new RegExp(`${kind} hook 0 .*killed, for`));
    assert.equal(await oci.state(id), undefined);
    assert.deepEqual(groupsOf(id), []);
    assert.deepEqual(linesOf(log), [['poststop', 'stopped', undefined]]);
  }
});
