import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { WIRE_OPERATIONS, lowered } from '../../../daemon/runtime/plan/calls.ts';
import { decodePlan } from '../../../daemon/runtime/plan/decode.ts';
import { describeOperation } from '../../../daemon/runtime/plan/describe.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import {
  OPERATIONS,
  PLAN_VERSION,
  type Operation,
  type OperationName,
} from '../../../daemon/runtime/plan/operations.ts';
import type { FieldKind } from '../../../shared/wire/fields.ts';
import { PROGRAM } from '../shim/shim.ts';
import { containerPlan, temporaryDirectory } from './container.ts';

const NAMES = Object.keys(OPERATIONS) as OperationName[];
const text = fc
  .string({ unit: 'binary' })
  .map((value) => value.replaceAll('\0', '').replaceAll(/[\ud800-\udfff]/gu, ''));
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

/** Numbers as the decoder gives them. */
function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const VALUES: Record<FieldKind, fc.Arbitrary<unknown>> = {
  u64: u64.map(narrow),
  i64: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(narrow),
  str: text,
  bytes: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  strs: fc.array(text, { maxLength: 4 }),
  u64s: fc.array(u64.map(narrow), { maxLength: 4 }),
};

const operations: fc.Arbitrary<Operation>[] = NAMES.map((name) =>
  fc
    .record(Object.fromEntries(Object.entries(OPERATIONS[name].fields).map(([field, kind]) => [field, VALUES[kind]])))
    .map((values) => ({ op: name, ...values }) as Operation),
);

/** All processes of a bulk in one, for a start costs milliseconds. */
function dump(t: TestContext, plans: readonly Uint8Array[]): { status: number; stdout: string; stderr: string }[] {
  const directory = temporaryDirectory(t);
  return plans.map((plan, index) => {
    const path = join(directory, String(index));
    writeFileSync(path, plan);
    const { status, stdout, stderr } = spawnSync(PROGRAM, ['--dump-plan', path], { encoding: 'utf8' });
    return { status: status ?? -1, stdout, stderr };
  });
}

test('a decoded plan is the plan that was encoded', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(...operations)), (plan) => {
      assert.deepEqual(decodePlan(encodePlan(plan)), plan);
    }),
  );
});

test('every operation has a description in one short line', () => {
  fc.assert(
    fc.property(fc.oneof(...operations), (operation) => {
      assert.notEqual(describeOperation(operation), '');
    }),
  );
  const cases: [Operation, string][] = [
    [{ op: 'readonly', path: '/proc/sys' }, 'mount /proc/sys read-only'],
    [
      {
        op: 'bind',
        source: '/src',
        target: '/dst',
        recursive: 0,
        set: 0,
        clear: 0,
        set_all: 0,
        clear_all: 0,
        propagation: 0,
        tree: -1,
      },
      'bind /src on /dst',
    ],
    [{ op: 'cgroup_write', host: '/sys/fs/cgroup/a/memory.max', value: '1' }, 'write cgroup memory.max'],
  ];
  for (const [operation, expected] of cases) assert.equal(describeOperation(operation), expected);
});

test('the shim prints a plan, one operation a line', (t) => {
  const plan = containerPlan({ root: '/r', at: '/run/mnt', argv: ['sh', '-c', 'echo "x"\n'] });
  const [printed] = dump(t, [encodePlan(plan)]);
  assert.equal(printed?.status, 0, printed?.stderr);
  const lines = printed.stdout.trimEnd().split('\n');
  assert.equal(lines.length, plan.length);
  assert.deepEqual(
    lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
    plan.map((operation, index) => `${String(index)} ${lowered(operation).op}`),
  );
  assert.equal(lines.at(-1), `${String(plan.length - 1)} exec file="" argv=["sh","-c","echo \\"x\\"\\u000a"]`);
});

const EXEC: Operation = { op: 'exec', file: '', argv: ['x'] };
const CLONE: Operation = { op: 'clone', flags: 0 };
const CLOSED: Operation = { op: 'working_directory', path: '/', create: 0 };
const BIRTH = (type: number): Operation => ({ op: 'birth_namespace', type, host: '/x' });

test('what a plan must not be', (t) => {
  const garbled: [readonly Operation[], RegExp][] = [
    [[], /no exec/],
    [[CLONE], /no exec/],
    [[EXEC], /operation 0: before clone/],
    [[CLONE, CLONE, EXEC], /operation 1: for the second time/],
    [[{ op: 'clone', flags: 0x100 }, EXEC], /flags other than CLONE_NEW/],
    [[CLONE, EXEC, EXEC], /operation 2: after exec/],
    [[CLONE, { op: 'exec', file: '', argv: [] }], /no argv/],
    [[{ op: 'cgroup_join', host: '/x' }, CLONE, EXEC], /operation 0: before clone/],
    [[CLONE, { op: 'cgroup_into', host: '/x' }, EXEC], /operation 1: after clone/],
    [[CLONE, { op: 'oom_score_adj', value: '1' }, EXEC], /no await_settled/],
    [[CLONE, { op: 'await_settled' }, { op: 'await_settled' }, EXEC], /operation 2: for the second time/],
    [[CLONE, { op: 'masked', path: '/x' }, EXEC], /operation 1: before there is a root/],
    [[BIRTH(0x2_0000), CLONE, EXEC], /operation 0: no type of namespace to be born in/],
    [[BIRTH(0x6000_0000), CLONE, EXEC], /operation 0: no type of namespace to be born in/],
    [
      [BIRTH(0x2000_0000), { op: 'pid_namespace_of_init' }, CLONE, EXEC],
      /operation 1: a second namespace of this type/,
    ],
    [[BIRTH(0x4000_0000), { op: 'clone', flags: 0x4000_0000 }, EXEC], /operation 1: a namespace that is joined/],
    [[{ op: 'connect', purpose: 2, host: '/x' }, CLONE, EXEC], /operation 0: unknown purpose/],
    [[CLONE, { op: 'await_start' }, EXEC], /no start_pipe/],
    [[CLONE, { op: 'await_go' }, { op: 'umask', mask: 0 }], /no exec/],
    [[CLONE, CLOSED, { op: 'label', file: 'exec', value: '' }, EXEC], /operation 2: after/],
    [[CLONE, { op: 'working_directory', path: '/', create: 0 }, { op: 'loopback_up' }, EXEC], /operation 2: after/],
  ];
  const printed = dump(
    t,
    garbled.map(([plan]) => encodePlan(plan)),
  );
  for (const [index, [, expected]] of garbled.entries()) {
    assert.equal(printed[index]?.status, 1);
    assert.match(printed[index].stderr, expected);
  }
});

test('another version says which was expected', (t) => {
  const bytes = encodePlan([CLONE, EXEC]);
  bytes.writeUInt32LE(99, 4);
  assert.match(dump(t, [bytes])[0]?.stderr ?? '', new RegExp(`plan version ${PLAN_VERSION} expected, 99 found`));
  assert.throws(() => decodePlan(bytes), new RegExp(`plan version ${PLAN_VERSION} expected, 99 found`));
});

test('garbage is refused, by both sides, and crashes neither', (t) => {
  const good = encodePlan(containerPlan({ root: '/r', at: '/m', argv: ['a', 'b'] }));
  const mutations = fc.sample(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(good.length - 1).map((size) => good.subarray(0, size)),
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
        const bytes = Buffer.from(good);
        bytes[at] = byte;
        return bytes;
      }),
      fc.tuple(fc.nat(good.length - 4), fc.constantFrom(0xffff_ffff, 0x7fff_ffff, 0x1_0000)).map(([at, value]) => {
        const bytes = Buffer.from(good);
        bytes.writeUInt32LE(value, at);
        return bytes;
      }),
    ),
    150,
  );
  for (const { status, stderr } of dump(t, mutations)) {
    assert.ok(status === 0 || status === 1, stderr);
    assert.ok(!stderr.includes('Sanitizer') && !stderr.includes('runtime error'), stderr);
  }
  for (const bytes of mutations) {
    try {
      decodePlan(bytes);
    } catch (error) {
      assert.match(String(error), /MalformedRecord/);
    }
  }
});

test('the C table has each operation under its code', () => {
  const header = execFileSync(
    process.execPath,
    [
      '-e',
      `import(${JSON.stringify(join(import.meta.dirname, '../../../scripts/generate-plan-header.ts'))}).then((m) => process.stdout.write(m.generatePlanHeader()))`,
    ],
    { encoding: 'utf8' },
  );
  for (const name of WIRE_OPERATIONS)
    assert.match(header, new RegExp(`#define OP_${name.toUpperCase()} ${String(OPERATIONS[name].code)}\\n`));
  assert.equal(new Set(WIRE_OPERATIONS.map((name) => OPERATIONS[name].code)).size, WIRE_OPERATIONS.length);
});
