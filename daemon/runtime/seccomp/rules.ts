/** A profile of the OCI specification (config-linux.md, "Seccomp"), checked and with every value resolved. */
import { SpecError } from '../spec/error.ts';
import { OPERATORS, type Integer, type Seccomp, type SeccompRule } from '../spec/types.ts';

export type Operator = (typeof OPERATORS)[number];

/** `value` and `second` are unsigned 64 bits. MASKED_EQ: (argument & value) === (second & value). */
export interface Condition {
  readonly index: number;
  readonly operator: Operator;
  readonly value: bigint;
  readonly second: bigint;
}

/** All conditions hold → `answer`, the filter's return value (seccomp(2)). */
export interface Clause {
  readonly conditions: readonly Condition[];
  readonly answer: number;
}

/** What is said about one name, in the profile's order; a clause without conditions decides alone. */
export type ClausesByName = ReadonlyMap<string, readonly Clause[]>;

const EPERM = 1;
/** MAX_ERRNO of the kernel: what is above is cut to it. */
const LAST_ERRNO = 4095;

/** SECCOMP_RET_* of include/uapi/linux/seccomp.h. */
const ANSWERS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

export const ANSWER_KILL_PROCESS = 0x8000_0000;
const ANSWER_ERRNO = 0x0005_0000;
const ANSWER_ENOSYS = ANSWER_ERRNO | 38;

/** The answer for a number that is newer than the profile: ENOSYS where the default is an errno, so that a C library falls back. */
export function answerForNewer(fallback: number): number {
  return fallback >>> 16 === ANSWER_ERRNO >>> 16 ? ANSWER_ENOSYS : fallback;
}

/** The filter's return value of an action; `field` is the JSON path of the rule or profile. */
export function resolveAnswer(
  action: string,
  errnoRet: Integer | undefined,
  field: { action: string; errno: string },
): number {
  if (!Object.hasOwn(ANSWERS, action)) {
    throw new SpecError(field.action, `${JSON.stringify(action)} is not a seccomp action`);
  }
  const base = ANSWERS[action] ?? 0;
  if (action !== 'SCMP_ACT_ERRNO' && action !== 'SCMP_ACT_TRACE') {
    if (errnoRet !== undefined) throw new SpecError(field.errno, `${action} takes no errno`);
    return base;
  }
  const errno = errnoRet ?? EPERM;
  const last = action === 'SCMP_ACT_ERRNO' ? LAST_ERRNO : 0xffff;
  if ((typeof errno === 'number' && !Number.isInteger(errno)) || errno < 0 || errno > last) {
    throw new SpecError(field.errno, `must be an integer from 0 to ${String(last)}`);
  }
  return base + Number(errno);
}

function unsigned64(value: Integer, field: string): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new SpecError(field, 'must be an integer');
  const big = BigInt(value);
  if (big < 0n || big >= 1n << 64n) throw new SpecError(field, 'must be an unsigned 64-bit integer');
  return big;
}

function resolveCondition(given: NonNullable<SeccompRule['args']>[number], field: string): Condition {
  const index = Number(given.index);
  if (!Number.isInteger(index) || index < 0 || index > 5) throw new SpecError(`${field}.index`, 'must be 0 to 5');
  const operator = OPERATORS.find((known) => known === given.op);
  if (operator === undefined) throw new SpecError(`${field}.op`, `${JSON.stringify(given.op)} is not a comparison`);
  const value = unsigned64(given.value, `${field}.value`);
  return { index, operator, value, second: unsigned64(given.valueTwo ?? 0, `${field}.valueTwo`) };
}

/**
 * The conditions of a rule, each inner list one alternative. All must hold (one alternative), except where one
 * argument is named twice: then each condition stands alone, as runc and crun read such a rule.
 */
function alternatives(conditions: readonly Condition[]): readonly (readonly Condition[])[] {
  const indices = new Set(conditions.map((condition) => condition.index));
  return indices.size === conditions.length ? [conditions] : conditions.map((condition) => [condition]);
}

/**
 * What `seccomp` says about each name. A rule that says what the default says adds nothing and is left out, as
 * in runc and crun. Throws SpecError.
 */
export function resolveClauses(seccomp: Seccomp, fallback: number, field: string): ClausesByName {
  const clauses = new Map<string, Clause[]>();
  for (const [position, rule] of (seccomp.syscalls ?? []).entries()) {
    const at = `${field}.syscalls[${String(position)}]`;
    const answer = resolveAnswer(rule.action, rule.errnoRet, { action: `${at}.action`, errno: `${at}.errnoRet` });
    const conditions = (rule.args ?? []).map((arg, index) => resolveCondition(arg, `${at}.args[${String(index)}]`));
    if (rule.names.length === 0) throw new SpecError(`${at}.names`, 'must name a system call');
    if (answer === fallback) continue;
    for (const name of rule.names) {
      const list = clauses.get(name) ?? [];
      for (const alternative of alternatives(conditions)) list.push({ conditions: alternative, answer });
      clauses.set(name, list);
    }
  }
  return clauses;
}

/** The clauses in the order they decide: an unconditional one (the first) alone, else the first that holds. */
export function effectiveClauses(clauses: readonly Clause[]): readonly Clause[] {
  const unconditional = clauses.find((clause) => clause.conditions.length === 0);
  return unconditional === undefined ? clauses : [unconditional];
}
