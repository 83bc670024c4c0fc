/** `file`, and `joined_tree`, which clones a tmpfs of another mount namespace. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { Shim } from '../shim/shim.ts';
import { containerPlan, makeRoot, runPlan, temporaryDirectory } from './container.ts';

function file(path: string, apart: number, content = 'said\n'): Operation {
  return { op: 'file', path, content: Buffer.from(content), mode: 0o4440, uid: 7, gid: 9, apart };
}

function tmpfs(target: string): Operation {
  return { op: 'mount', type: 'tmpfs', source: 'tmpfs', target, options: ['mode=755'], attributes: 0, flags: 0 };
}

test('a file in place and one apart: content, owner and mode, and nothing of it in the root', async (t) => {
  const directory = temporaryDirectory(t);
  const [at, source] = [join(directory, 'at'), join(directory, 'root')];
  for (const path of [at, source]) mkdirSync(path);
  const plan = containerPlan({
    root: makeRoot(source),
    at,
    rootOperation: { op: 'root_bind', source, at },
    mounts: [tmpfs('/s'), file('/s/below/one', 0), file('/etc/two', 1), file('/etc/three', 1, '')],
    argv: [
      'sh',
      '-c',
      'stat -c "%n %u:%g %a %s" /s/below/one /etc/two /etc/three; cat /s/below/one /etc/two; ls /; echo x > /etc/two',
    ],
  });
  const { stdout } = await runPlan(t, plan);
  assert.match(stdout, /^\/s\/below\/one 7:9 4440 5\n\/etc\/two 7:9 4440 5\n\/etc\/three 7:9 4440 0\nsaid\nsaid\n/);
  assert.match(stdout, /bin\netc\n/, 'the root is seen again');
  assert.equal(readFileSync(join(source, 'etc/two'), 'utf8'), '', 'the mount point is all that is in the root');
  assert.deepEqual(readdirSync(join(source, 's')), []);
});

test('what stands there is not written to', async (t) => {
  const directory = temporaryDirectory(t);
  const [at, source] = [join(directory, 'at'), join(directory, 'root')];
  for (const path of [at, source]) mkdirSync(path);
  const root = makeRoot(source);
  symlinkSync('/tmp/elsewhere', join(root, 'link'));
  const plan = containerPlan({
    ...{ root, at, rootOperation: { op: 'root_bind', source, at } as const },
    mounts: [file('/link', 0)],
    argv: ['true'],
  });
  const { operation, failed } = await runPlan(t, plan);
  assert.deepEqual([operation, failed?.step, failed?.errno], ['file', 'open', 17]);
  assert.equal(existsSync(join(source, 'tmp/elsewhere')), false);
});

/** /proc/PID/ns/mnt of a process that waits with these mounts in its root. */
async function mountNamespace(t: TestContext, mounts: readonly Operation[]): Promise<string> {
  const directory = temporaryDirectory(t);
  const [at, source] = [join(directory, 'at'), join(directory, 'root')];
  for (const path of [at, source]) mkdirSync(path);
  symlinkSync('/tmp', join(makeRoot(source), 'linked'));
  const plan = containerPlan({
    ...{ root: source, at, rootOperation: { op: 'root_bind', source, at } as const, mounts },
    late: [{ op: 'await_go' }],
    argv: ['true'],
  });
  const answer = await (await Shim.run(t)).client().start({ plan: encodePlan(plan) });
  assert.equal(answer.is, 'created', JSON.stringify(answer));
  return `/proc/${String(answer.pid)}/ns/mnt`;
}

test('a tmpfs of another mount namespace is shared; no link, and nothing else, is', async (t) => {
  const namespace = await mountNamespace(t, [tmpfs('/dev/shm'), file('/dev/shm/there', 0)]);
  const directory = temporaryDirectory(t);
  const at = join(directory, 'at');
  mkdirSync(at);
  const root = makeRoot(join(directory, 'root'));
  const bind: Operation = {
    ...{ op: 'bind', source: 'joined', target: '/dev/shm', recursive: 0, set: 0, clear: 0, set_all: 0, clear_all: 0 },
    ...{ propagation: 0, tree: 0 },
  };
  const joining = (path: string): Operation[] => [
    { op: 'joined_tree', namespace, path },
    ...containerPlan({ root, at, mounts: [bind], argv: ['cat', '/dev/shm/there'] }),
  ];
  assert.equal((await runPlan(t, joining('/dev/shm'))).stdout, 'said\n');
  for (const [path, errno] of [
    ['/linked', 40],
    ['/etc', 19],
    ['/none', 2],
  ] as const) {
    const { operation, failed } = await runPlan(t, joining(path));
    assert.deepEqual([operation, failed?.errno], ['joined_tree', errno], path);
  }
});
