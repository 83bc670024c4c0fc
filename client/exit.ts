import { constants } from 'node:os';
import type { Exit } from '../shared/api/container.ts';

/** The exit code as a shell would show it, 128+n for a signal; undefined where it is unknown. */
export function exitCodeOf(exit: Exit): number | undefined {
  if (exit.unknown) return undefined;
  if (exit.code !== undefined) return exit.code;
  const signals: Readonly<Record<string, number>> = constants.signals;
  const number = signals[exit.signal ?? ''];
  return number === undefined ? undefined : 128 + number;
}
