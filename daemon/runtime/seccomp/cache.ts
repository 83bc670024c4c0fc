/** Compiled profiles, kept by their text: nearly all containers of a host have one of a few profiles. */
import type { Seccomp } from '../spec/types.ts';
import type { SeccompProgram } from './compile.ts';
import { compileSeccomp } from './compile.ts';

export type SeccompCache = (seccomp: Seccomp) => SeccompProgram;

/** compileSeccomp for this machine with a memory of the `capacity` profiles used last. Its callers must not change a program. */
export function createSeccompCache(capacity = 32): SeccompCache {
  const programs = new Map<string, SeccompProgram>();
  return (seccomp) => {
    const key = textOf(seccomp);
    const program = programs.get(key) ?? compileSeccomp(seccomp);
    // Set anew, it is the youngest; the oldest is the first.
    programs.delete(key);
    programs.set(key, program);
    const [oldest] = programs.keys();
    if (programs.size > capacity && oldest !== undefined) programs.delete(oldest);
    return program;
  };
}

/** Without a function that looks at each of its values JSON takes a tenth of the time; but it refuses bigints. */
function textOf(seccomp: Seccomp): string {
  try {
    return JSON.stringify(seccomp);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(seccomp, (_, value: unknown) => (typeof value === 'bigint' ? `${String(value)}n` : value));
  }
}
