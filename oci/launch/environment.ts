import { resolveUser } from '../../daemon/runtime/spec/users.ts';
import { SpecError } from '../../daemon/runtime/spec/error.ts';
import type { Process } from '../../daemon/runtime/spec/types.ts';

/**
 * `wanted` with what runc adds to its environment: HOME, where it is not said, from the /etc/passwd below `root` (a
 * directory of the host), and `further`. "/" for a user without an entry, or where the file cannot be made sense of.
 */
export function withEnvironment(wanted: Process, root: string, further: readonly string[]): Process {
  const env = [...(wanted.env ?? []), ...further];
  if (!env.some((variable) => variable.startsWith('HOME='))) env.push(`HOME=${homeOf(wanted, root)}`);
  return { ...wanted, env };
}

function homeOf(wanted: Process, root: string): string {
  try {
    const { home = '/' } = resolveUser({ root, user: String(wanted.user?.uid ?? 0) });
    return home.includes('\0') ? '/' : home;
  } catch (error) {
    if (error instanceof SpecError) return '/';
    throw error;
  }
}
