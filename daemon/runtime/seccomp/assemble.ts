/**
 * Classic BPF for seccomp(2): instructions, the check of arguments, the search for a number.
 * Documentation/networking/filter.rst; struct seccomp_data: nr 0, arch 4, instruction_pointer 8, args[6] 16.
 *
 * A program jumps forward only, so it is written from its end: what is jumped to is there before the jump.
 */
import type { Clause, Condition } from './rules.ts';

/** BPF_LD|BPF_W|BPF_ABS and so on. */
const LOAD = 0x20;
const JUMP = 0x05;
export const JUMP_EQ = 0x15;
export const JUMP_GT = 0x25;
export const JUMP_GE = 0x35;
const AND = 0x54;
const RETURN = 0x06;

export const OFFSET_NUMBER = 0;
export const OFFSET_ARCHITECTURE = 4;
const OFFSET_ARGUMENTS = 16;
/** BPF_MAXINSNS. */
export const MOST_INSTRUCTIONS = 4096;
/** What `jt` and `jf` of struct sock_filter can skip. */
const FARTHEST = 255;

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** A place in the program: the number of instructions from there to its end. */
export type Label = number;

export class Assembler {
  /** The last one first. */
  readonly #code: Instruction[] = [];
  /** Where each value is returned, nearest to the front. */
  readonly #returns = new Map<number, Label>();

  get length(): number {
    return this.#code.length;
  }

  #push(code: number, k: number, jt = 0, jf = 0): Label {
    return this.#code.push({ code, jt, jf, k });
  }

  /** `room`: instructions that may still come between the jump and here. */
  #reaches(label: Label, room: number): boolean {
    return this.#code.length - label <= FARTHEST - room;
  }

  /** A place from which `label` goes on, near enough for a branch. */
  #near(label: Label, room: number): Label {
    return this.#reaches(label, room) ? label : this.#push(JUMP, this.#code.length - label);
  }

  /** Ends with `value`. An equal end that is near is used again. */
  answer(value: number): Label {
    const known = this.#returns.get(value);
    // Room for what is usually written before the jump to it; what is farther goes by #near.
    if (known !== undefined && this.#reaches(known, FARTHEST >> 2)) return known;
    const label = this.#push(RETURN, value);
    this.#returns.set(value, label);
    return label;
  }

  /** Goes on at `yes` where the accumulator passes the test against `k`, else at `no`. */
  branch(test: number, k: number, yes: Label, no: Label): Label {
    const nearYes = this.#near(yes, 1);
    const nearNo = this.#near(no, 0);
    const here = this.#code.length;
    return this.#push(test, k, here - nearYes, here - nearNo);
  }

  /** Loads a word of seccomp_data, cut to `mask`, and goes on at `next`. */
  load(offset: number, next: Label, mask = 0xffff_ffff): Label {
    if (next !== this.#code.length) this.#push(JUMP, this.#code.length - next);
    if (mask !== 0xffff_ffff) this.#push(AND, mask);
    return this.#push(LOAD, offset);
  }

  /** struct sock_filter[], little-endian: u16 code, u8 jt, u8 jf, u32 k. The program begins with what was written last. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(this.#code.length * 8);
    const view = new DataView(bytes.buffer);
    for (const [position, { code, jt, jf, k }] of this.#code.toReversed().entries()) {
      view.setUint16(position * 8, code, true);
      view.setUint8(position * 8 + 2, jt);
      view.setUint8(position * 8 + 3, jf);
      view.setUint32(position * 8 + 4, k, true);
    }
    return bytes;
  }
}

/** seccomp_data is in the machine's own order, and every machine with tables here is little-endian. */
const lowOffset = (index: number): number => OFFSET_ARGUMENTS + 8 * index;
const highOffset = (index: number): number => lowOffset(index) + 4;

function halves(value: bigint): { high: number; low: number } {
  return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn) };
}

interface Ways {
  readonly yes: Label;
  readonly no: Label;
}

/** Whether (argument & mask) equals (value & mask). */
function equality(assembler: Assembler, index: number, mask: bigint, value: bigint, { yes, no }: Ways): Label {
  const masks = halves(mask);
  const wanted = halves(value & mask);
  const low = assembler.load(lowOffset(index), assembler.branch(JUMP_EQ, wanted.low, yes, no), masks.low);
  if (masks.high === 0) return low;
  return assembler.load(highOffset(index), assembler.branch(JUMP_EQ, wanted.high, low, no), masks.high);
}

/** Whether the argument is above `value`, or with JUMP_GE above or equal. */
function order(assembler: Assembler, index: number, value: bigint, test: number, { yes, no }: Ways): Label {
  const wanted = halves(value);
  const low = assembler.load(lowOffset(index), assembler.branch(test, wanted.low, yes, no));
  const equal = assembler.branch(JUMP_EQ, wanted.high, low, no);
  return assembler.load(highOffset(index), assembler.branch(JUMP_GT, wanted.high, yes, equal));
}

const EVERY_BIT = 0xffff_ffff_ffff_ffffn;

function check(assembler: Assembler, { index, operator, value, second }: Condition, ways: Ways): Label {
  const opposite = { yes: ways.no, no: ways.yes };
  switch (operator) {
    case 'SCMP_CMP_EQ':
      return equality(assembler, index, EVERY_BIT, value, ways);
    case 'SCMP_CMP_NE':
      return equality(assembler, index, EVERY_BIT, value, opposite);
    case 'SCMP_CMP_MASKED_EQ':
      return equality(assembler, index, value, second, ways);
    case 'SCMP_CMP_GT':
      return order(assembler, index, value, JUMP_GT, ways);
    case 'SCMP_CMP_GE':
      return order(assembler, index, value, JUMP_GE, ways);
    case 'SCMP_CMP_LE':
      return order(assembler, index, value, JUMP_GT, opposite);
    case 'SCMP_CMP_LT':
      return order(assembler, index, value, JUMP_GE, opposite);
  }
}

/** The first clause that holds answers, else `fallback`. */
export function checkClauses(assembler: Assembler, clauses: readonly Clause[], fallback: number): Label {
  let next = assembler.answer(fallback);
  for (const clause of clauses.toReversed()) {
    const no = next;
    let yes = assembler.answer(clause.answer);
    for (const condition of clause.conditions.toReversed()) yes = check(assembler, condition, { yes, no });
    next = yes;
  }
  return next;
}

/** From `start` up to the next one's start, what `write` writes decides. */
export interface Interval {
  readonly start: number;
  readonly key: string;
  readonly write: (assembler: Assembler) => Label;
}

/**
 * A balanced search over `intervals` (sorted, the first from the lowest number on) for the number in the
 * accumulator. One number among others of equal answer is one comparison, not two.
 */
export function search(assembler: Assembler, intervals: readonly Interval[]): Label {
  const [first, second, third] = intervals;
  if (first === undefined) throw new RangeError('a search needs an interval');
  if (second === undefined) return first.write(assembler);
  if (intervals.length === 3 && third?.key === first.key && third.start === second.start + 1) {
    const other = first.write(assembler);
    return assembler.branch(JUMP_EQ, second.start, second.write(assembler), other);
  }
  const half = splitOf(intervals);
  const upper = search(assembler, intervals.slice(half));
  const lower = search(assembler, intervals.slice(0, half));
  return assembler.branch(JUMP_GE, intervals[half]?.start ?? 0, upper, lower);
}

/** The middle, moved so that both sides can end in groups of three. */
function splitOf(intervals: readonly Interval[]): number {
  const middle = intervals.length >> 1;
  return intervals.length > 5 ? Math.max(3, Math.round(middle / 3) * 3) : middle;
}
