/**
 * Writes daemon/runtime/seccomp/syscalls/*.ts from the kernel's headers, through the C preprocessor:
 *
 *   node scripts/generate-syscalls.ts ARCHITECTURE INCLUDE_DIR
 *
 * ARCHITECTURE is x86_64, x86, x32, aarch64 or arm; INCLUDE_DIR holds asm/ and asm-generic/ of that machine
 * (Debian: linux-libc-dev, linux-libc-dev-arm64-cross, linux-libc-dev-armhf-cross). Run when headers are newer;
 * the results are committed, so that a build needs no foreign headers.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['-m64'],
  x86: ['-D__i386__', '-U__x86_64__'],
  x32: ['-D__ILP32__'],
  // asm-generic/unistd.h asks these of the machine it is preprocessed for.
  aarch64: ['-D__aarch64__', '-D__LP64__', '-U__x86_64__'],
  arm: ['-D__arm__', '-D__ARM_EABI__', '-U__x86_64__'],
};

/**
 * From 424 on a system call has one number on every machine (asm-generic/unistd.h). These are newer than the
 * headers of current distributions.
 */
const NEWER: Readonly<Record<string, number>> = {
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
  open_tree_attr: 467,
  file_getattr: 468,
  file_setattr: 469,
};

const X32_BIT = 0x4000_0000;

function preprocess(architecture: string, include: string): Map<string, number> {
  const flags = FLAGS[architecture];
  if (flags === undefined) throw new Error(`${architecture} is none of ${Object.keys(FLAGS).join(' ')}`);
  const run = (args: string[], input: string) =>
    execFileSync('gcc', [...flags, '-nostdinc', '-I', include, '-E', '-P', ...args, '-'], { input, encoding: 'utf8' });
  const header = '#include <asm/unistd.h>\n';
  const defined = run(['-dM'], header).matchAll(/^#define __(?:NR|ARM_NR)_(\w+) /gm);
  const names = [...new Set([...defined].map((match) => match[1] ?? ''))].filter(
    (name) =>
      !['SYSCALL_BASE', 'OABI_SYSCALL_BASE', 'BASE', 'syscalls', 'arch_specific_syscall', 'SYSCALL_MASK'].includes(
        name,
      ),
  );
  const probes = names.map((name) => `@${name} __NR_${name} __ARM_NR_${name}`).join('\n');
  const numbers = new Map<string, number>();
  for (const line of run([], header + probes).split('\n')) {
    const match = /^@(?:\w+) (.*?) (?:__ARM_NR_\w+)$/.exec(line) ?? /^@(?:\w+) (?:__NR_\w+) (.*)$/.exec(line);
    const name = /^@(\w+)/.exec(line)?.[1];
    if (match?.[1] === undefined || name === undefined) continue;
    // What is left is a sum of constants, such as "(0x40000000 + 512)".
    const terms = match[1]
      .replace(/[()]/g, '')
      .split('+')
      .map((term) => Number(term.trim()));
    const value = terms.reduce((sum, term) => sum + term, 0);
    if (!Number.isInteger(value)) throw new Error(`${architecture}: cannot read ${line}`);
    numbers.set(name, value);
  }
  return numbers;
}

function main(architecture: string, include: string): void {
  const numbers = preprocess(architecture, include);
  for (const [name, number] of Object.entries(NEWER)) {
    if (!numbers.has(name)) numbers.set(name, architecture === 'x32' ? number + X32_BIT : number);
  }
  if (architecture === 'x86_64') numbers.set('uretprobe', 335);
  const sorted = [...numbers].sort(([, a], [, b]) => a - b);
  const lines = sorted.map(([name, number]) => `  ${name}: ${String(number)},`);
  const text = [
    `/** The system calls of ${architecture} by name; written by scripts/generate-syscalls.ts. */`,
    'export const syscalls: Readonly<Record<string, number>> = {',
    ...lines,
    '};',
    '',
  ].join('\n');
  writeFileSync(join(import.meta.dirname, `../daemon/runtime/seccomp/syscalls/${architecture}.ts`), text);
}

const [architecture, include] = process.argv.slice(2);
if (architecture === undefined || include === undefined)
  throw new Error('usage: generate-syscalls.ts ARCHITECTURE INCLUDE_DIR');
main(architecture, include);
