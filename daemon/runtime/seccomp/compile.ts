/**
 * A seccomp profile of the OCI specification → a classic BPF program for seccomp(2).
 *
 * The filter looks at the architecture, then searches the number in a balanced tree of ranges with equal answer,
 * and only then looks at arguments. So the kernel can prove "always allowed" and cache it (seccomp_cache_prepare).
 *
 * As in libseccomp under runc:
 * - The machine's own architecture is always covered. A call by another one that is not listed kills the process.
 * - A name that the machine does not have is ignored, for every action: there is no number to act on.
 * - A number above all that the profile names is newer than the profile; where the default action is an errno it
 *   answers ENOSYS, so that a C library falls back to older calls.
 * - For one name the first rule without arguments decides; else the first whose arguments all match.
 */
import { SpecError } from '../spec/error.ts';
import type { Seccomp } from '../spec/types.ts';
import type { Convention } from './architectures.ts';
import { ARCHITECTURES, conventionsOf, LAST_NUMBER } from './architectures.ts';
import type { Interval, Label } from './assemble.ts';
import {
  Assembler,
  checkClauses,
  JUMP_EQ,
  MOST_INSTRUCTIONS,
  OFFSET_ARCHITECTURE,
  OFFSET_NUMBER,
  search,
} from './assemble.ts';
import type { Clause, ClausesByName } from './rules.ts';
import { ANSWER_KILL_PROCESS, answerForNewer, effectiveClauses, resolveAnswer, resolveClauses } from './rules.ts';

/** `filter`: struct sock_filter[]; `flags`: SECCOMP_FILTER_FLAG_*; `notifies`: calls are handed to a listener. */
export interface SeccompProgram {
  readonly filter: Uint8Array;
  readonly flags: number;
  readonly notifies: boolean;
}

/** SECCOMP_FILTER_FLAG_* of include/uapi/linux/seccomp.h that a profile may name. */
export const SECCOMP_FLAGS: ReadonlyMap<string, number> = new Map([
  ['SECCOMP_FILTER_FLAG_TSYNC', 1],
  ['SECCOMP_FILTER_FLAG_LOG', 2],
  ['SECCOMP_FILTER_FLAG_SPEC_ALLOW', 4],
  ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV', 32],
]);
const NEW_LISTENER = 8;
/** With a listener the kernel asks for this one beside TSYNC: an error is then an errno, not a thread's id. */
const TSYNC = 1;
const TSYNC_ESRCH = 16;

const FIELD = 'linux.seccomp';
const NOTIFY = 'SCMP_ACT_NOTIFY';

function resolveFlags(flags: readonly string[], notifies: boolean): number {
  let bits = notifies ? NEW_LISTENER : 0;
  for (const [index, flag] of flags.entries()) {
    const field = `${FIELD}.flags[${String(index)}]`;
    const bit = SECCOMP_FLAGS.get(flag);
    if (bit === undefined) throw new SpecError(field, `${JSON.stringify(flag)} is not a seccomp flag`);
    if (flag === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' && !notifies) {
      throw new SpecError(field, `${flag} is for a profile with SCMP_ACT_NOTIFY`);
    }
    bits |= bit;
  }
  return notifies && (bits & TSYNC) !== 0 ? bits | TSYNC_ESRCH : bits;
}

/** The call by which the listener is handed over: nobody could answer for it yet. */
const HAND_OVER = 'sendmsg';

/** Whether any call is handed to a listener. @throws SpecError where the hand-over itself would be, or nobody listens */
function checkNotify(seccomp: Seccomp): boolean {
  if (seccomp.defaultAction === NOTIFY) {
    throw new SpecError(`${FIELD}.defaultAction`, `${NOTIFY} for every call would stop the hand-over of the listener`);
  }
  const rules = (seccomp.syscalls ?? []).map((rule, index) => ({ rule, index }));
  const handed = rules.filter(({ rule }) => rule.action === NOTIFY);
  for (const { rule, index } of handed) {
    if (!rule.names.includes(HAND_OVER)) continue;
    const field = `${FIELD}.syscalls[${String(index)}].names`;
    throw new SpecError(field, `${NOTIFY} for ${HAND_OVER} would stop the hand-over of the listener`);
  }
  if (handed.length > 0 && (seccomp.listenerPath ?? '') === '') {
    throw new SpecError(`${FIELD}.listenerPath`, `is missing: ${NOTIFY} needs a listener`);
  }
  return handed.length > 0;
}

/** The conventions of `arch` that the profile covers: the machine's own, and those it lists. */
function coveredConventions(seccomp: Seccomp, arch: string): readonly Convention[] {
  const conventions = conventionsOf(arch);
  if (conventions === undefined) {
    throw new SpecError(FIELD, `seccomp filters are not supported on ${arch}`, 'unsupported');
  }
  const listed = new Set(seccomp.architectures);
  for (const [index, name] of (seccomp.architectures ?? []).entries()) {
    if (ARCHITECTURES.has(name)) continue;
    throw new SpecError(`${FIELD}.architectures[${String(index)}]`, `${JSON.stringify(name)} is not an architecture`);
  }
  return conventions.filter((convention, index) => index === 0 || listed.has(convention.name));
}

/** An interval before its code is made; equal `key`s in a row are one. */
interface Decision {
  readonly start: number;
  readonly key: string;
  readonly clauses: readonly Clause[];
  readonly answer: number;
}

const plain = (start: number, answer: number): Decision => ({ start, key: String(answer), clauses: [], answer });

function decisionFor(start: number, clauses: readonly Clause[], fallback: number): Decision {
  const [only] = clauses;
  if (only?.conditions.length === 0) return plain(start, only.answer);
  const key = clauses.map(clauseKey).join('|');
  return { start, key, clauses, answer: fallback };
}

function clauseKey({ conditions, answer }: Clause): string {
  const parts = conditions.map((c) => `${String(c.index)} ${c.operator} ${String(c.value)} ${String(c.second)}`);
  return `${parts.join('&')}>${String(answer)}`;
}

/** The decisions for one convention, from its first number to its last. */
function decisionsOf(convention: Convention, clauses: ClausesByName, fallback: number): Decision[] {
  const named: Decision[] = [];
  for (const [name, list] of clauses) {
    if (!Object.hasOwn(convention.syscalls, name)) continue;
    const number = convention.syscalls[name];
    if (number !== undefined) named.push(decisionFor(number, effectiveClauses(list), fallback));
  }
  named.sort((a, b) => a.start - b.start);
  const decisions: Decision[] = [];
  let next = convention.first;
  for (const decision of named) {
    // Two names may share a number (arm's sync_file_range2); the first in the profile's order stays.
    if (decision.start < next) continue;
    if (decision.start > next) decisions.push(plain(next, fallback));
    decisions.push(decision);
    next = decision.start + 1;
  }
  const rest = named.length === 0 ? fallback : answerForNewer(fallback);
  if (next <= convention.last) decisions.push(plain(next, rest));
  return decisions;
}

/** The search over all numbers of one AUDIT_ARCH_*. */
function writeAudit(
  assembler: Assembler,
  conventions: readonly Convention[],
  clauses: ClausesByName,
  fallback: number,
): Label {
  const decisions: Decision[] = [];
  let next = 0;
  for (const convention of conventions) {
    if (convention.first > next) decisions.push(plain(next, ANSWER_KILL_PROCESS));
    decisions.push(...decisionsOf(convention, clauses, fallback));
    next = convention.last + 1;
  }
  if (next <= LAST_NUMBER) decisions.push(plain(next, ANSWER_KILL_PROCESS));
  decisions.push(plain(LAST_NUMBER + 1, fallback));
  const intervals: Interval[] = [];
  for (const { start, key, clauses: conditional, answer } of decisions) {
    if (intervals.at(-1)?.key === key) continue;
    intervals.push({ start, key, write: (to) => checkClauses(to, conditional, answer) });
  }
  return assembler.load(OFFSET_NUMBER, search(assembler, intervals));
}

/**
 * The program for `seccomp` on the machine `arch` (process.arch). Throws SpecError: `invalid` for what is
 * malformed, `unsupported` for an unknown machine, or more than 4096 instructions.
 */
export function compileSeccomp(seccomp: Seccomp, arch: string = process.arch): SeccompProgram {
  const fallback = resolveAnswer(seccomp.defaultAction, seccomp.defaultErrnoRet, {
    action: `${FIELD}.defaultAction`,
    errno: `${FIELD}.defaultErrnoRet`,
  });
  const notifies = checkNotify(seccomp);
  const flags = resolveFlags(seccomp.flags ?? [], notifies);
  const covered = coveredConventions(seccomp, arch);
  const clauses = resolveClauses(seccomp, fallback, FIELD);
  const assembler = new Assembler();
  let start = assembler.answer(ANSWER_KILL_PROCESS);
  const audits = [...new Set(covered.map((convention) => convention.audit))];
  // Written from the end: the machine's own, which is asked first, comes last.
  for (const audit of audits.reverse()) {
    const conventions = covered.filter((convention) => convention.audit === audit);
    conventions.sort((a, b) => a.first - b.first);
    start = assembler.branch(JUMP_EQ, audit, writeAudit(assembler, conventions, clauses, fallback), start);
  }
  assembler.load(OFFSET_ARCHITECTURE, start);
  if (assembler.length > MOST_INSTRUCTIONS) {
    const size = `${String(assembler.length)} instructions, and the kernel takes ${String(MOST_INSTRUCTIONS)}`;
    throw new SpecError(FIELD, `the profile compiles to ${size}`, 'unsupported');
  }
  return { filter: assembler.encode(), flags, notifies };
}
