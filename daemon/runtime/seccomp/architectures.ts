/** The architectures a filter can decide for, as audit(7) and libseccomp's SCMP_ARCH_* name them. */
import { syscalls as aarch64 } from './syscalls/aarch64.ts';
import { syscalls as arm } from './syscalls/arm.ts';
import { syscalls as x32 } from './syscalls/x32.ts';
import { syscalls as x86 } from './syscalls/x86.ts';
import { syscalls as x86_64 } from './syscalls/x86_64.ts';

/** One calling convention: its numbers lie in [first, last] of the numbers under one AUDIT_ARCH_*. */
export interface Convention {
  readonly name: string;
  readonly audit: number;
  readonly first: number;
  readonly last: number;
  readonly syscalls: Readonly<Record<string, number>>;
}

/** AUDIT_ARCH_* of include/uapi/linux/audit.h. */
const AUDIT_X86_64 = 0xc000_003e;
const AUDIT_I386 = 0x4000_0003;
const AUDIT_AARCH64 = 0xc000_00b7;
const AUDIT_ARM = 0x4000_0028;

/** x32 shares AUDIT_ARCH_X86_64 and sets this bit in the number. -1 belongs to nobody: a tracer's "skip this call". */
const X32_BIT = 0x4000_0000;
export const LAST_NUMBER = 0xffff_fffe;

const X86_64: Convention = {
  name: 'SCMP_ARCH_X86_64',
  audit: AUDIT_X86_64,
  first: 0,
  last: X32_BIT - 1,
  syscalls: x86_64,
};
const X32: Convention = {
  name: 'SCMP_ARCH_X32',
  audit: AUDIT_X86_64,
  first: X32_BIT,
  last: LAST_NUMBER,
  syscalls: x32,
};
const X86: Convention = { name: 'SCMP_ARCH_X86', audit: AUDIT_I386, first: 0, last: LAST_NUMBER, syscalls: x86 };
const AARCH64: Convention = {
  name: 'SCMP_ARCH_AARCH64',
  audit: AUDIT_AARCH64,
  first: 0,
  last: LAST_NUMBER,
  syscalls: aarch64,
};
const ARM: Convention = { name: 'SCMP_ARCH_ARM', audit: AUDIT_ARM, first: 0, last: LAST_NUMBER, syscalls: arm };

/** What a machine can run, its own convention first; by Node's process.arch. */
const MACHINES: Readonly<Record<string, readonly Convention[]>> = {
  x64: [X86_64, X86, X32],
  arm64: [AARCH64, ARM],
};

/** Known to the specification, but of no machine in MACHINES: a rule for them can never matter here. */
const FOREIGN = new Set(
  [
    'MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC PARISC64',
    'RISCV64 LOONGARCH64 M68K SH SHEB',
  ]
    .join(' ')
    .split(' ')
    .map((name) => `SCMP_ARCH_${name}`),
);

/** The conventions that the machine `arch` (process.arch) can run, its own first; undefined for a machine without tables. */
export function conventionsOf(arch: string): readonly Convention[] | undefined {
  return Object.hasOwn(MACHINES, arch) ? MACHINES[arch] : undefined;
}

/** Every SCMP_ARCH_* of the specification. */
export const ARCHITECTURES: ReadonlySet<string> = new Set([
  ...Object.values(MACHINES).flatMap((list) => list.map(({ name }) => name)),
  ...FOREIGN,
]);

/** The number of the system call `name` on the machine `arch` (process.arch). @throws RangeError where it has none */
export function syscallNumber(name: string, arch: string = process.arch): number {
  const number = conventionsOf(arch)?.[0]?.syscalls[name];
  if (number === undefined) throw new RangeError(`${name} is not a system call of ${arch}`);
  return number;
}
