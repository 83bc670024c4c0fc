import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileSeccomp } from '../../../daemon/runtime/seccomp/compile.ts';
import { createSeccompCache } from '../../../daemon/runtime/seccomp/cache.ts';
import { syscalls as arm } from '../../../daemon/runtime/seccomp/syscalls/arm.ts';
import { syscalls as aarch64 } from '../../../daemon/runtime/seccomp/syscalls/aarch64.ts';
import { syscalls as x32 } from '../../../daemon/runtime/seccomp/syscalls/x32.ts';
import { syscalls as x86 } from '../../../daemon/runtime/seccomp/syscalls/x86.ts';
import { syscalls as x86_64 } from '../../../daemon/runtime/seccomp/syscalls/x86_64.ts';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import type { Seccomp, SeccompRule } from '../../../daemon/runtime/spec/types.ts';
import type { Call } from './interpreter.ts';
import { runFilter } from './interpreter.ts';

const AUDIT = { x86_64: 0xc000_003e, x86: 0x4000_0003, aarch64: 0xc000_00b7, arm: 0x4000_0028 } as const;
const X32_BIT = 0x4000_0000;

const ANSWERS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x3_0000,
  SCMP_ACT_ERRNO: 0x5_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};
const KILL_PROCESS = 0x8000_0000;

function answerOf(action: string, errno: number | bigint | undefined): number {
  const takesErrno = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return (ANSWERS[action] ?? NaN) + (takesErrno ? Number(errno ?? 1) : 0);
}

type Argument = NonNullable<SeccompRule['args']>[number];

function holds(argument: Argument, args: readonly bigint[]): boolean {
  const value = args[Number(argument.index)] ?? 0n;
  const wanted = BigInt(argument.value);
  switch (argument.op) {
    case 'SCMP_CMP_NE':
      return value !== wanted;
    case 'SCMP_CMP_LT':
      return value < wanted;
    case 'SCMP_CMP_LE':
      return value <= wanted;
    case 'SCMP_CMP_EQ':
      return value === wanted;
    case 'SCMP_CMP_GE':
      return value >= wanted;
    case 'SCMP_CMP_GT':
      return value > wanted;
    default:
      return (value & wanted) === (BigInt(argument.valueTwo ?? 0) & wanted);
  }
}

type Table = Readonly<Record<string, number>>;

function numberOf(table: Table, name: string): number | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The table that a call belongs to, or undefined where its architecture is not covered. */
function tableOf(seccomp: Seccomp, machine: string, call: Call): Table | undefined {
  const listed = new Set(seccomp.architectures);
  if (machine === 'arm64') {
    if (call.audit === AUDIT.aarch64) return aarch64;
    return call.audit === AUDIT.arm && listed.has('SCMP_ARCH_ARM') ? arm : undefined;
  }
  if (call.audit === AUDIT.x86) return listed.has('SCMP_ARCH_X86') ? x86 : undefined;
  if (call.audit !== AUDIT.x86_64) return undefined;
  if (call.number < X32_BIT || call.number === 0xffff_ffff) return x86_64;
  return listed.has('SCMP_ARCH_X32') ? x32 : undefined;
}

/** What the rules say, read one by one. */
function evaluate(seccomp: Seccomp, machine: string, call: Call): number {
  const table = tableOf(seccomp, machine, call);
  if (table === undefined) return KILL_PROCESS;
  const fallback = answerOf(seccomp.defaultAction, seccomp.defaultErrnoRet);
  if (call.number === 0xffff_ffff) return fallback;
  const rules = (seccomp.syscalls ?? []).filter((rule) => answerOf(rule.action, rule.errnoRet) !== fallback);
  const own = rules.filter((rule) => rule.names.some((name) => numberOf(table, name) === call.number));
  const outright = own.find((rule) => (rule.args ?? []).length === 0);
  if (outright !== undefined) return answerOf(outright.action, outright.errnoRet);
  for (const rule of own) {
    const args = rule.args ?? [];
    const repeated = new Set(args.map((argument) => Number(argument.index))).size < args.length;
    const matches = repeated
      ? args.some((argument) => holds(argument, call.args))
      : args.every((argument) => holds(argument, call.args));
    if (matches) return answerOf(rule.action, rule.errnoRet);
  }
  const known = rules.flatMap((rule) => rule.names.flatMap((name) => numberOf(table, name) ?? []));
  const isNewer = known.length > 0 && call.number > Math.max(...known);
  return isNewer && seccomp.defaultAction === 'SCMP_ACT_ERRNO' ? 0x5_0026 : fallback;
}

// Names whose numbers are nobody else's, so that a number means one name.
const NAMES = [
  'read',
  'write',
  'openat',
  'clone',
  'clone3',
  'socket',
  'personality',
  'ioctl',
  'prctl',
  'kill',
  'mseal',
  'umask',
  'dup',
];

const uint64 = fc.oneof(
  fc.constantFrom(0n, 1n, 38n, 40n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0028n, (1n << 64n) - 1n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 7n }),
);
const action = fc.constantFrom(...Object.keys(ANSWERS));
const argument = fc.record({
  index: fc.integer({ min: 0, max: 5 }),
  value: uint64,
  valueTwo: uint64,
  op: fc.constantFrom('NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ').map((name) => `SCMP_CMP_${name}`),
});
const rule: fc.Arbitrary<SeccompRule> = fc
  .record({
    names: fc.array(fc.constantFrom(...NAMES, 'no_such_call', 'constructor'), { minLength: 1, maxLength: 5 }),
    action,
    errno: fc.integer({ min: 0, max: 4095 }),
    args: fc.array(argument, { maxLength: 4 }),
  })
  .map(({ names, action: name, errno, args }) =>
    name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE'
      ? { names, action: name, errnoRet: errno, args }
      : { names, action: name, args },
  );
const profile: fc.Arbitrary<Seccomp> = fc.record({
  defaultAction: action,
  architectures: fc.subarray([
    'SCMP_ARCH_X86_64',
    'SCMP_ARCH_X86',
    'SCMP_ARCH_X32',
    'SCMP_ARCH_AARCH64',
    'SCMP_ARCH_ARM',
    'SCMP_ARCH_MIPS',
  ]),
  syscalls: fc.array(rule, { maxLength: 25 }),
});
const number = fc.oneof(
  fc.constantFrom(...NAMES.flatMap((name) => [x86_64, x86, x32, aarch64, arm].flatMap((table) => table[name] ?? []))),
  fc.constantFrom(0, 500, 0x3fff_ffff, 0x4000_0000, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff),
  fc.integer({ min: 0, max: 600 }),
);

void test('the compiled filter answers as the rules do', () => {
  const calls = fc.array(
    fc.record({
      number,
      audit: fc.constantFrom(...Object.values(AUDIT), 0x8000_0008),
      args: fc.array(uint64, { minLength: 6, maxLength: 6 }),
    }),
    { minLength: 20, maxLength: 20 },
  );
  fc.assert(
    fc.property(profile, fc.constantFrom('x64', 'arm64'), calls, (seccomp, machine, list) => {
      const { filter } = compileSeccomp(seccomp, machine);
      for (const call of list) assert.equal(runFilter(filter, call), evaluate(seccomp, machine, call));
      // Arguments at the very edge of what the rules compare with.
      for (const { args = [], names } of seccomp.syscalls ?? []) {
        const at = numberOf(machine === 'x64' ? x86_64 : aarch64, names[0] ?? '');
        if (at === undefined) continue;
        for (const delta of [-1n, 0n, 1n]) {
          const values = [0, 1, 2, 3, 4, 5].map((index) => {
            const given = args.find((one) => Number(one.index) === index)?.value ?? 0;
            return BigInt.asUintN(64, BigInt(given) + delta);
          });
          const call: Call = { number: at, audit: machine === 'x64' ? AUDIT.x86_64 : AUDIT.aarch64, args: values };
          assert.equal(runFilter(filter, call), evaluate(seccomp, machine, call));
        }
      }
    }),
    { numRuns: 300 },
  );
});

void test('a long profile keeps its jumps and its size', () => {
  const args = [0, 1, 2, 3, 4, 5].map((index) => ({ index, value: (1n << 40n) + 5n, op: 'SCMP_CMP_GT' }));
  const names = Object.keys(x86_64).filter((_, index) => index % 5 === 0);
  const seccomp: Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW', args })),
  };
  const { filter } = compileSeccomp(seccomp, 'x64');
  assert.ok(filter.length / 8 <= 4096);
  for (const value of Object.values(x86_64)) {
    for (const big of [1n << 40n, 1n << 41n]) {
      const call = { number: value, audit: AUDIT.x86_64, args: [big, big, big, big, big, big] };
      assert.equal(runFilter(filter, call), evaluate(seccomp, 'x64', call));
    }
  }
  const every = {
    ...seccomp,
    syscalls: Object.keys(x86_64).map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW', args })),
  };
  // Rules alike in a row share their code, so they must differ to be too many.
  every.syscalls.forEach((one, index) => {
    one.args = args.map((given) => ({ ...given, value: given.value + BigInt(index) }));
  });
  assert.throws(() => compileSeccomp(every, 'x64'), { name: 'SpecError', kind: 'unsupported', field: 'linux.seccomp' });
});

void test('what cannot be is refused by its field', () => {
  const refused = (
    seccomp: Partial<Seccomp>,
    field: string,
    kind: SpecError['kind'] = 'invalid',
    arch = 'x64',
  ): void => {
    const whole = { defaultAction: 'SCMP_ACT_ALLOW', ...seccomp };
    assert.throws(
      () => compileSeccomp(whole, arch),
      (error) => error instanceof SpecError && error.field === field && error.kind === kind,
      field,
    );
  };
  const withArgument = (given: Partial<Argument>): Partial<Seccomp> => ({
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_LOG', args: [{ index: 0, value: 0, op: 'SCMP_CMP_EQ', ...given }] },
    ],
  });
  refused({ defaultAction: 'SCMP_ACT_MAYBE' }, 'linux.seccomp.defaultAction');
  refused({ defaultAction: 'toString' }, 'linux.seccomp.defaultAction');
  refused({ defaultAction: 'SCMP_ACT_NOTIFY' }, 'linux.seccomp.defaultAction');
  refused({ defaultErrnoRet: 1 }, 'linux.seccomp.defaultErrnoRet');
  refused({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 4096 }, 'linux.seccomp.defaultErrnoRet');
  refused({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: -1 }, 'linux.seccomp.defaultErrnoRet');
  refused({ architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_VAX'] }, 'linux.seccomp.architectures[1]');
  refused({ flags: ['SECCOMP_FILTER_FLAG_NOPE'] }, 'linux.seccomp.flags[0]');
  refused({ flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] }, 'linux.seccomp.flags[0]');
  refused({}, 'linux.seccomp', 'unsupported', 'mips');
  refused({ syscalls: [{ names: [], action: 'SCMP_ACT_LOG' }] }, 'linux.seccomp.syscalls[0].names');
  const notify = (...names: string[]): SeccompRule[] => [{ names, action: 'SCMP_ACT_NOTIFY' }];
  refused({ syscalls: notify('read') }, 'linux.seccomp.listenerPath');
  refused({ syscalls: notify('read', 'sendmsg'), listenerPath: '/l' }, 'linux.seccomp.syscalls[0].names');
  refused(withArgument({ index: 6 }), 'linux.seccomp.syscalls[0].args[0].index');
  refused(withArgument({ op: 'SCMP_CMP_XX' }), 'linux.seccomp.syscalls[0].args[0].op');
  refused(withArgument({ value: 1n << 64n }), 'linux.seccomp.syscalls[0].args[0].value');
  refused(withArgument({ value: -1 }), 'linux.seccomp.syscalls[0].args[0].value');
  refused(withArgument({ valueTwo: 1.5 }), 'linux.seccomp.syscalls[0].args[0].valueTwo');
});

void test('flags become bits', () => {
  const flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_TSYNC'];
  assert.equal(compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', flags }, 'x64').flags, 7);
});

void test('a call that is handed to a listener: its answer, and what the kernel is asked for', () => {
  const profile: Seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    listenerPath: '/run/l',
    flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
    syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
  };
  const { filter, flags, notifies } = compileSeccomp(profile, 'x64');
  assert.deepEqual([flags, notifies], [8 | 32, true]);
  const call = { number: x86_64.mkdir ?? -1, audit: AUDIT.x86_64, args: [0n, 0n, 0n, 0n, 0n, 0n] };
  assert.equal(runFilter(filter, call), 0x7fc0_0000);
  assert.equal(runFilter(filter, { ...call, number: x86_64.rmdir ?? -1 }), 0x7fff_0000);
  const together = compileSeccomp({ ...profile, flags: ['SECCOMP_FILTER_FLAG_TSYNC'] }, 'x64');
  assert.equal(together.flags, 8 | 1 | 16);
  // Where no call is handed over the path is not looked at, config-linux.md#seccomp.
  assert.equal(compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/l' }, 'x64').notifies, false);
});

void test('the cache knows a profile by its text and forgets the oldest', () => {
  const cache = createSeccompCache(2);
  const profileOf = (errno: number): Seccomp => ({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: errno });
  const first = cache(profileOf(1));
  assert.equal(cache(profileOf(1)), first);
  cache(profileOf(2));
  assert.equal(cache(profileOf(1)), first);
  cache(profileOf(3));
  assert.equal(cache(profileOf(1)), first, 'used last, kept');
  cache(profileOf(2));
  cache(profileOf(3));
  assert.notEqual(cache(profileOf(1)), first);
});
