/** What the user's program has besides its files: the terminal's way to who asked for it, and descriptors of the caller's. */
import type { Process } from '../spec/types.ts';
import { CONNECT_PURPOSES, type Operation } from './operations.ts';
import type { ExecTarget, StartTarget } from './target.ts';

/** The shim's, before `clone`: the socket that is sent the master of the terminal. */
export function connectConsole(wanted: Process, { consoleSocket }: StartTarget | ExecTarget): Operation[] {
  if (wanted.terminal !== true || consoleSocket === undefined) return [];
  return [{ op: 'connect', purpose: CONNECT_PURPOSES.console, host: consoleSocket }];
}

/** Init's: descriptors 3 and on that are not closed at execve. */
export function keepDescriptors({ preserveDescriptors: count = 0 }: StartTarget | ExecTarget): Operation[] {
  return count === 0 ? [] : [{ op: 'preserve_descriptors', count }];
}
