/** Secrets of a plan: on which file systems they lie. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSecrets } from '../../../daemon/runtime/plan/compile-secrets.ts';
import { namespacesOf } from '../../../daemon/runtime/plan/compile-namespaces.ts';
import { BARE_HOST } from '../../../daemon/runtime/host-facts.ts';
import type { Spec } from '../../../daemon/runtime/spec/types.ts';

const spec = (...types: ('mount' | 'user')[]): Spec => ({
  ociVersion: '1.0.0',
  linux: { namespaces: types.map((type) => ({ type })) },
});
const secret = (path: string, size = 1) => ({ path, content: new Uint8Array(size), mode: 0o444, uid: 0, gid: 0 });
const compiled = (of: Spec, paths: readonly string[], noSwap = true) => {
  const host = { ...BARE_HOST, noSwap };
  const secrets = paths.map((path) => secret(path));
  return compileSecrets(of, secrets, { namespaces: namespacesOf(of, host), host });
};

test('those of /run/secrets share a tmpfs that is made read-only, others have one each', () => {
  const plan = compiled(spec('mount'), ['/run/secrets/a', '/etc/b', '/run/secrets/c/d']);
  assert.deepEqual(
    plan.map((operation) => [operation.op, 'path' in operation ? operation.path : '']),
    [
      ['mount', ''],
      ['file', '/run/secrets/a'],
      ['file', '/run/secrets/c/d'],
      ['mount_attributes', ''],
      ['file', '/etc/b'],
    ],
  );
  assert.deepEqual(
    plan.flatMap((operation) => (operation.op === 'file' ? [operation.apart] : [])),
    [0, 0, 1],
  );
  assert.deepEqual(compiled(spec('mount'), []), []);
  assert.deepEqual(
    compiled(spec('mount'), ['/b']).map(({ op }) => op),
    ['file'],
  );
});

test('swap is kept out where the kernel lets that be asked for', () => {
  const options = (of: Spec, noSwap: boolean) => {
    const [mount] = compiled(of, ['/run/secrets/a'], noSwap);
    return mount?.op === 'mount' ? mount.options : [];
  };
  assert.ok(options(spec('mount'), true).includes('noswap'));
  assert.ok(!options(spec('mount'), false).includes('noswap'));
  assert.ok(!options(spec('mount', 'user'), true).includes('noswap'));
});

test('without a mount namespace of its own it is refused', () => {
  assert.throws(() => compiled(spec(), ['/b']), { field: 'secrets', kind: 'unsupported' });
});
