/** Archives that are sent: of a file, or of what is piped in. Never more of them in memory than a piece. */
import { closeSync, openSync, readSync } from 'node:fs';
import { CliError, messageOf } from './errors.ts';
import type { Upload } from './http/connection.ts';

/** Little enough to be in the processor's cache still when it is sent. */
const PIECE = 256 * 1024;

/** Plain, gzip or zstd: the daemon looks for itself. */
const CONTENT_TYPE = 'application/octet-stream';

/** `path` undefined: stdin. Throws CliError where it cannot be opened, or is a terminal. */
export function archiveInput(path: string | undefined, whatToDo: string): Upload {
  if (path !== undefined) return { contentType: CONTENT_TYPE, pieces: fileInput(path) };
  if (process.stdin.isTTY) throw new CliError('stdin is a terminal, not an archive', { hint: whatToDo });
  return { contentType: CONTENT_TYPE, pieces: standardInput() };
}

/** Opened at once, so that a file that is not there is told before anything is asked of the daemon. */
function fileInput(path: string): Iterable<Uint8Array> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new CliError(`cannot open ${path}: ${messageOf(error)}`, { cause: error });
  }
  return readFile(file, path);
}

function* readFile(file: number, path: string): Generator<Uint8Array> {
  const piece = Buffer.allocUnsafeSlow(PIECE);
  try {
    for (;;) {
      const length = readPiece(file, piece, path);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

function readPiece(file: number, piece: Buffer, path: string): number {
  try {
    return readSync(file, piece);
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function* standardInput(): AsyncGenerator<Uint8Array> {
  try {
    yield* process.stdin as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new CliError(`cannot read stdin: ${messageOf(error)}`, { cause: error });
  }
}
