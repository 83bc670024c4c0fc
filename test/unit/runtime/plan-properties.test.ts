import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HostFacts } from '../../../daemon/runtime/host-facts.ts';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { namespaceFlags } from '../../../daemon/runtime/plan/compile-namespaces.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import { idMapsNeeded } from '../../../daemon/runtime/plan/id-maps.ts';
import { OPERATIONS, type Operation, type Plan } from '../../../daemon/runtime/plan/operations.ts';
import { stopsOf } from '../../../daemon/runtime/plan/stops.ts';
import type { StartTarget } from '../../../daemon/runtime/plan/target.ts';
import type { Spec } from '../../../daemon/runtime/spec/types.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';
import { PROGRAM } from '../shim/shim.ts';
import { MARK, arbitrarySpec } from './arbitrary-spec.ts';
import { HYBRID, V2, execTarget, startTarget } from './targets.ts';

/** Fields that are resolved inside the container's root; no other may hold a path of the container. */
const INSIDE: ReadonlySet<string> = new Set(['path', 'target']);
const ONLY_BEFORE: ReadonlySet<Operation['op']> = new Set([
  'cgroup_into',
  'birth_namespace',
  'bind_tree',
  'overlay_tree',
  'joined_tree',
  'connect',
  'start_pipe',
  'container_init',
  'pid_namespace_of_init',
]);
const ONLY_AFTER: ReadonlySet<Operation['op']> = new Set(['cgroup_join', 'uid_map', 'gid_map', 'oom_score_adj']);

function checkOrder(plan: Plan): void {
  const count = (name: Operation['op']): number => plan.filter(({ op }) => op === name).length;
  assert.equal(count('clone'), 1);
  assert.equal(count('exec'), 1);
  assert.equal(plan.at(-1)?.op, 'exec');
  assert.ok(count('await_settled') <= 1);
  assert.ok(count('seccomp') + count('seccomp_notify') <= 1);
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

/** A host that has everything. */
const RICH: HostFacts = {
  appArmor: true,
  seLinux: true,
  resctrl: { mount: '/sys/fs/resctrl', schemataOf: () => undefined },
  isOwnNamespace: () => false,
};

interface Compiled {
  readonly spec: Spec;
  readonly start: Plan;
  readonly exec: Plan;
}

const compiled = fc
  .record({
    wanted: arbitrarySpec,
    cgroups: fc.constantFrom(HYBRID, V2),
    launch: fc.constantFrom<Partial<StartTarget>>(
      { awaitGo: true },
      { startPipe: { start: '/outside/start', result: '/outside/result' }, preserveDescriptors: 3 },
      { stops: { runtime: true, container: true } },
    ),
  })
  .map(({ wanted, cgroups, launch }): Compiled => {
    const spec = validateSpec(wanted, { unknown: 'refuse' });
    assert.ok(spec.process !== undefined);
    const idMaps = new Map(
      idMapsNeeded(spec).flatMap(({ mounts }, holder) =>
        mounts.map((index) => [index, `/proc/${String(holder + 2)}/ns/user`] as const),
      ),
    );
    const root = { kind: 'bind', source: '/outside/rootfs' } as const;
    const start = compileStart(spec, startTarget({ cgroups, host: RICH, root, idMaps, ...launch }));
    const namespaces = namespaceFlags(spec);
    const exec = compileExec(spec, spec.process, execTarget({ cgroups, host: RICH, namespaces }));
    return { spec, start, exec };
  });

/** What the spec asks for by properties that are each one operation is in the plan. */
function checkComplete({ spec, start }: Compiled): void {
  const count = (name: Operation['op']): number => start.filter(({ op }) => op === name).length;
  const { process, linux = {} } = spec;
  const calls = [process?.scheduler, process?.ioPriority, linux.memoryPolicy, linux.personality];
  assert.equal(count('system_call'), calls.filter((part) => part !== undefined).length);
  assert.equal(count('seccomp') + count('seccomp_notify'), linux.seccomp === undefined ? 0 : 1);
  assert.equal(count('masked'), linux.maskedPaths?.length ?? 0);
  assert.equal(count('readonly'), linux.readonlyPaths?.length ?? 0);
  const stops = stopsOf(spec);
  assert.ok(count('await_go') >= Number(stops.runtime) + Number(stops.container));
  const joined = linux.namespaces?.filter(({ path }) => path !== undefined).length ?? 0;
  assert.equal(count('birth_namespace') + count('namespace_join'), joined);
}

test('any valid spec becomes a plan in legal order, with all that is asked for, that can be encoded', () => {
  fc.assert(
    fc.property(compiled, (all) => {
      checkComplete(all);
      for (const plan of [all.start, all.exec]) {
        checkOrder(plan);
        checkPaths(plan);
        assert.ok(encodePlan(plan).length > 0);
      }
    }),
    { numRuns: 300 },
  );
});

test('and that the shim accepts', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tare-dump-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'plan');
  fc.assert(
    fc.property(compiled, ({ start, exec }) => {
      for (const plan of [start, exec]) {
        writeFileSync(file, encodePlan(plan));
        const { status, stdout, stderr } = spawnSync(PROGRAM, ['--dump-plan', file], { encoding: 'utf8' });
        assert.equal(status, 0, stderr);
        const lines = stdout.split('\n').filter((line) => line !== '');
        assert.equal(lines.length, plan.length);
      }
    }),
    { numRuns: 100 },
  );
});
