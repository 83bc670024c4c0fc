/** The command line as a function: what main.ts runs, and tests with a runtime of their own. */
import { writeSync } from 'node:fs';
import { COMMANDS } from './commands/table.ts';
import { dispatch } from './dispatch.ts';
import type { Runtime } from './runtime.ts';

/** Resolves to the exit code; all that a user should read has been written by then. */
export function runCommandLine(words: readonly string[], runtime: Runtime): Promise<number> {
  return dispatch(words, COMMANDS, { environment: process.env, runtime, print });
}

/** To the caller's stdout, at once. It may be a pipe that somebody has made non-blocking: then it is tried again. */
function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}
