import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreparedExecs } from '../../../daemon/engine/exec/prepared.ts';
import { SPECS_KEPT, SpecCache } from '../../../daemon/engine/specs.ts';
import type { Spec } from '../../../daemon/runtime/spec/types.ts';

const spec = (name: string): Spec => ({ ociVersion: '1.3.0', hostname: name });

test('parsed specs: those asked for last are kept, and none that is another now', () => {
  const cache = new SpecCache();
  for (let i = 0; i < SPECS_KEPT; i++) cache.keep(`c${String(i)}`, spec(String(i)));
  cache.keep('c0', spec('anew'));
  cache.keep('further', spec('further'));
  assert.equal(cache.get('c0')?.hostname, 'anew');
  assert.equal(cache.get('c1'), undefined);
  assert.equal(cache.get('c2')?.hostname, '2');
  cache.drop('c2');
  assert.equal(cache.get('c2'), undefined);
});

test('prepared execs: taken once, bounded', () => {
  const prepared = new PreparedExecs();
  const process = { spec: spec('x'), process: { cwd: '/', args: ['true'] } };
  prepared.keep('a', process);
  assert.equal(prepared.take('a'), process);
  assert.equal(prepared.take('a'), undefined);
  for (let i = 0; i < 1000; i++) prepared.keep(String(i), process);
  assert.equal(prepared.take('0'), undefined);
  assert.equal(prepared.take('999'), process);
});
