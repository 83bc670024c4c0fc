import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { namespaceFlags } from '../../../daemon/runtime/plan/compile-namespaces.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import { OPERATIONS, type Operation, type Plan } from '../../../daemon/runtime/plan/operations.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';
import { MARK, arbitrarySpec } from './arbitrary-spec.ts';
import { HYBRID, V2, execTarget, startTarget } from './targets.ts';

/** Fields that are resolved inside the container's root; no other may hold a path of the container. */
const INSIDE: ReadonlySet<string> = new Set(['path', 'target']);
const ONLY_BEFORE: ReadonlySet<Operation['op']> = new Set([
  'cgroup_into',
  'pid_namespace_join',
  'pid_namespace_of_init',
]);
const ONLY_AFTER: ReadonlySet<Operation['op']> = new Set(['cgroup_join', 'uid_map', 'gid_map', 'oom_score_adj']);

function checkOrder(plan: Plan): void {
  const count = (name: Operation['op']): number => plan.filter(({ op }) => op === name).length;
  assert.equal(count('clone'), 1);
  assert.equal(count('exec'), 1);
  assert.equal(plan.at(-1)?.op, 'exec');
  assert.ok(count('await_settled') <= 1);
  const clone = plan.findIndex(({ op }) => op === 'clone');
  const firstOfInit = plan.findIndex(({ op }) => OPERATIONS[op].room === 'init');
  for (const [index, { op }] of plan.entries()) {
    assert.equal(OPERATIONS[op].room, index < firstOfInit ? 'shim' : 'init', op);
    if (ONLY_BEFORE.has(op)) assert.ok(index < clone, op);
    if (ONLY_AFTER.has(op)) assert.ok(index > clone, op);
  }
  if (firstOfInit > clone + 1) assert.equal(count('await_settled'), 1, 'init does not wait for what the shim does');
}

function checkPaths(plan: Plan): void {
  for (const operation of plan) {
    for (const [field, value] of Object.entries(operation)) {
      const values: unknown[] = Array.isArray(value) ? value : [value];
      const isInside = values.some((part) => typeof part === 'string' && part.includes(MARK));
      // The node that is bound is the host's at the same path; its numbers are verified.
      const isNode = operation.op === 'device_bind' && field === 'source';
      if (isInside) assert.ok(isNode || INSIDE.has(field), `${operation.op}.${field} holds a path of the container`);
    }
  }
}

test('any valid spec becomes a plan in legal order that can be encoded', () => {
  fc.assert(
    fc.property(arbitrarySpec, fc.constantFrom(HYBRID, V2), fc.boolean(), (wanted, cgroups, awaitGo) => {
      const spec = validateSpec(wanted, { unknown: 'refuse' });
      const plan = compileStart(spec, startTarget({ cgroups, awaitGo }));
      checkOrder(plan);
      checkPaths(plan);
      assert.equal(plan.filter(({ op }) => op === 'await_go').length, awaitGo ? 1 : 0);
      assert.ok(encodePlan(plan).length > 0);

      assert.ok(spec.process !== undefined);
      const exec = compileExec(spec, spec.process, execTarget({ cgroups, namespaces: namespaceFlags(spec) }));
      checkOrder(exec);
      checkPaths(exec);
      assert.ok(encodePlan(exec).length > 0);
    }),
    { numRuns: 300 },
  );
});
