/** The user's terminal: raw mode while a session lasts, and its size. */
import type { ReadStream } from 'node:tty';
import { CliError } from '../errors.ts';

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** Throws CliError as docker does where a terminal was asked for and stdin is none. */
export function requireTerminal(): void {
  if (!process.stdin.isTTY) {
    throw new CliError('the input device is not a terminal', { hint: 'leave out -t where stdin is a pipe or a file' });
  }
}

/**
 * Makes the terminal raw and returns what undoes it, which may be called more than once. libuv also resets the mode
 * when the process exits, whatever the way, short of SIGKILL.
 *
 * Node's raw mode keeps the output post-processing of the terminal, which turns a bare newline of a full-screen
 * program into carriage return and newline and so breaks its picture. Node has no call for it, so stty does it where
 * it is there; without it only such programs suffer.
 */
export function makeRaw(): () => void {
  const stdin: ReadStream = process.stdin;
  if (!stdin.isTTY) return () => undefined;
  stdin.setRawMode(true);
  // Loaded here, as sessions without a terminal need not pay for it.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  spawnSync('stty', ['raw', '-echo'], { stdio: ['inherit', 'ignore', 'ignore'] });
  let raw = true;
  return () => {
    if (!raw) return;
    raw = false;
    stdin.setRawMode(false);
  };
}

/** The window's size, or undefined where stdout is no terminal or does not know. */
export function terminalSize(): Size | undefined {
  if (!process.stdout.isTTY) return undefined;
  const { rows, columns } = process.stdout;
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** Calls back after every change of the window's size until the returned function is called. */
export function watchSize(changed: (size: Size) => void): () => void {
  const listener = (): void => {
    const size = terminalSize();
    if (size !== undefined) changed(size);
  };
  process.stdout.on('resize', listener);
  return () => {
    process.stdout.off('resize', listener);
  };
}
