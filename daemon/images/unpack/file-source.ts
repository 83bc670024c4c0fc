/**
 * The bytes of a file for a thread that has nothing else to do: read into one piece of memory again and again. Streams
 * take a new one for each piece, and then it is the collection of garbage that takes the time.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

const PIECE = 256 * 1024;

/** A file that grows, and how far it is written; `wake` is called when that changes. */
export interface Written {
  /** Stays open. */
  readonly fd: number;
  size: number;
  isEnded: boolean;
  wake: (() => void) | undefined;
}

/**
 * Each piece is only lent until the next is asked for, or a copy where `isKept`. `file`: the path of one that is whole, or
 * one that grows. Throws the signal's reason, errors of fs.
 */
export async function* fileSource(
  file: string | Written,
  { signal, isKept }: { readonly signal: AbortSignal; readonly isKept: boolean },
): AsyncGenerator<Buffer> {
  const written: Written = typeof file === 'string' ? whole(file) : file;
  const wake = (): void => written.wake?.();
  signal.addEventListener('abort', wake);
  try {
    const piece = Buffer.allocUnsafeSlow(PIECE);
    for (let at = 0; ;) {
      // lets messages in, which may say that all of this is over
      await setImmediate();
      signal.throwIfAborted();
      const count = readSync(written.fd, piece, 0, Math.min(PIECE, written.size - at), at);
      at += count;
      if (count > 0) yield isKept ? Buffer.from(piece.subarray(0, count)) : piece.subarray(0, count);
      else if (written.isEnded) return;
      else await new Promise<void>((resolve) => (written.wake = resolve));
    }
  } finally {
    signal.removeEventListener('abort', wake);
    if (typeof file === 'string') closeSync(written.fd);
  }
}

function whole(path: string): Written {
  const fd = openSync(path, 'r');
  return { fd, size: fstatSync(fd).size, isEnded: true, wake: undefined };
}
