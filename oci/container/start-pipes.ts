/**
 * How `start` reaches an init that `create` has left waiting (operation await_start): it writes a byte into the pipe
 * `start` and reads the pipe `result` to its end, which comes with execve, or after a text that says why it failed.
 */
import { closeSync, constants, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { mkfifo } from '../../native-bindings/mkfifo.ts';
import type { LaunchFailure } from '../../daemon/runtime/launch-failure.ts';
import { codeOf } from '../errors.ts';
import type { StateDirectory } from './state.ts';
import { RESULT_PIPE, START_PIPE } from './status.ts';

/** What `start` is called while one caller starts the container, and ever after. */
const CLAIMED = 'started';
/** Longer is no answer of ours: a step and a path. */
const ANSWER_MAX = 64 * 1024;

export interface StartPipes {
  readonly start: string;
  readonly result: string;
}

/** Makes both, for the host's root alone. */
export function makeStartPipes({ path }: StateDirectory): StartPipes {
  const pipes = { start: join(path, START_PIPE), result: join(path, RESULT_PIPE) };
  mkfifo(pipes.start, 0o600);
  mkfifo(pipes.result, 0o600);
  return pipes;
}

/** Takes the right to start this container, which is there once. False: somebody has taken it, or there is none. */
export function claimStart({ path }: StateDirectory): boolean {
  try {
    renameSync(join(path, START_PIPE), join(path, CLAIMED));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** What init said instead of running its program; "gone": it no longer waits. */
export type StartResult = 'started' | 'gone' | LaunchFailure;

/** Lets the init whose start was claimed go on, and waits for what becomes of it. */
export function signalStart({ path }: StateDirectory): StartResult {
  const result = join(path, RESULT_PIPE);
  const both = openSync(result, constants.O_RDWR);
  // With a writer at hand (we ourselves) this does not wait for one, and an init that is gone is seen as such below.
  const reader = openSync(result, constants.O_RDONLY);
  closeSync(both);
  try {
    const start = openSync(join(path, CLAIMED), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(start, '\n');
    } finally {
      closeSync(start);
    }
    return parseResult(readAll(reader));
  } catch (error) {
    if (['ENXIO', 'EPIPE'].includes(codeOf(error))) return 'gone';
    throw error;
  } finally {
    closeSync(reader);
    rmSync(result, { force: true });
  }
}

function readAll(descriptor: number): string {
  const bytes = Buffer.alloc(ANSWER_MAX);
  let used = 0;
  for (;;) {
    const count = used < bytes.length ? readSync(descriptor, bytes, used, bytes.length - used, null) : 0;
    if (count === 0) return bytes.toString('utf8', 0, used);
    used += count;
  }
}

/** "OPERATION ERRNO STEP\nPATH"; the step may have blanks. */
function parseResult(text: string): StartResult {
  if (text === '') return 'started';
  const line = text.indexOf('\n');
  const head = line === -1 ? text : text.slice(0, line);
  const match = /^(-?\d+) (\d+) ?(.*)$/.exec(head);
  if (match === null)
    return { operation: -1, errno: 0, step: `init said ${JSON.stringify(text.slice(0, 200))}`, path: '' };
  const [, operation = '', errno = '', step = ''] = match;
  return { operation: Number(operation), errno: Number(errno), step, path: line === -1 ? '' : text.slice(line + 1) };
}
