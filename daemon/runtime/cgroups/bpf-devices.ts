/**
 * Device rules → an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE, which is how v2 groups guard devices.
 *
 * The context (struct bpf_cgroup_dev_ctx): u32 access_type (access bits << 16 | type), u32 major, u32 minor.
 * Answer 1 allows, 0 denies. Rules are asked from last to first; each decides the bits of access it names
 * and nobody decided before. A denied bit denies at once; when no bit is left, it is allowed; what nobody
 * decided is denied.
 */
import type { ResolvedRule } from './device-rules.ts';

/** struct bpf_insn: u8 code, u8 dst | src << 4, s16 off, s32 imm. */
interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
}

const LOAD_WORD = 0x61; // BPF_LDX | BPF_W | BPF_MEM
const MOVE = 0xb4; // BPF_ALU | BPF_MOV | BPF_K
const MOVE_REGISTER = 0xbc; // BPF_ALU | BPF_MOV | BPF_X
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const SHIFT_RIGHT = 0x74; // BPF_ALU | BPF_RSH | BPF_K
const JUMP_EQUAL = 0x16; // BPF_JMP32 | BPF_JEQ | BPF_K
const JUMP_UNEQUAL = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const EXIT = 0x95;

const ANSWER = 0;
const CONTEXT = 1;
const TYPE = 2;
/** The bits of access that nobody decided yet. */
const OPEN = 3;
const MAJOR = 4;
const MINOR = 5;
const SCRATCH = 6;

const TYPES = { b: 1, c: 2 } as const; // BPF_DEVCG_DEV_*
const EVERY_ACCESS = 7;

const instruction = (code: number, dst: number, imm: number, src = 0, off = 0): Instruction => ({
  code,
  dst,
  src,
  off,
  imm,
});
const answer = (value: 0 | 1): Instruction[] => [instruction(MOVE, ANSWER, value), instruction(EXIT, 0, 0)];

const PROLOGUE: readonly Instruction[] = [
  instruction(LOAD_WORD, TYPE, 0, CONTEXT, 0),
  instruction(MOVE_REGISTER, OPEN, 0, TYPE),
  instruction(AND, TYPE, 0xffff),
  instruction(SHIFT_RIGHT, OPEN, 16),
  instruction(LOAD_WORD, MAJOR, 0, CONTEXT, 4),
  instruction(LOAD_WORD, MINOR, 0, CONTEXT, 8),
];

/** What a rule does once the device is one of its own. */
function decision({ allow, access }: ResolvedRule): Instruction[] {
  if (allow) {
    const [move, exit] = [instruction(MOVE, ANSWER, 1), instruction(EXIT, 0, 0)];
    // The bits it allows are settled; with none left, the whole request is.
    const settle = instruction(AND, OPEN, EVERY_ACCESS & ~access);
    return [settle, instruction(JUMP_UNEQUAL, OPEN, 0, 0, 2), move, exit];
  }
  return [
    instruction(MOVE_REGISTER, SCRATCH, 0, OPEN),
    instruction(AND, SCRATCH, access),
    instruction(JUMP_EQUAL, SCRATCH, 0, 0, 2),
    ...answer(0),
  ];
}

function ruleCode(rule: ResolvedRule): Instruction[] {
  const body = decision(rule);
  const tests: [register: number, value: number][] = [[TYPE, TYPES[rule.type]]];
  if (rule.major !== undefined) tests.push([MAJOR, rule.major]);
  if (rule.minor !== undefined) tests.push([MINOR, rule.minor]);
  const jumps = tests.map(([register, value], index) =>
    // As a signed 32-bit immediate, which JMP32 compares bit by bit.
    instruction(JUMP_UNEQUAL, register, value | 0, 0, tests.length - index - 1 + body.length),
  );
  return [...jumps, ...body];
}

/** The program as struct bpf_insn[], little-endian. */
export function deviceProgram(rules: readonly ResolvedRule[]): Uint8Array {
  const code = [...PROLOGUE, ...rules.toReversed().flatMap(ruleCode), ...answer(0)];
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [position, { code: operation, dst, src, off, imm }] of code.entries()) {
    view.setUint8(position * 8, operation);
    view.setUint8(position * 8 + 1, dst | (src << 4));
    view.setInt16(position * 8 + 2, off, true);
    view.setInt32(position * 8 + 4, imm, true);
  }
  return bytes;
}
