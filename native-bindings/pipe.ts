/** pipe2(2), and the first words of a child over it. */
import { closeSync, readSync } from 'node:fs';
import { systemCall, whenReadable } from './libc.ts';

const O_CLOEXEC = 0o2000000;

const pipe2 = systemCall<[ends: Buffer, flags: number]>('int pipe2(void *ends, int flags)');

/** Both ends close-on-exec; the caller closes them. */
export function pipe(): { readonly read: number; readonly write: number } {
  const ends = Buffer.alloc(128);
  pipe2(ends, O_CLOEXEC);
  return { read: ends.readInt32LE(0), write: ends.readInt32LE(4) };
}

/**
 * Reads until a NUL byte came or the last writer is gone, and closes the descriptor. Resolves to what was read, NUL
 * included; to undefined if that does not happen within `deadlineMs`.
 */
export function readUntilNul(fd: number, deadlineMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let watch: { close(): void } | undefined;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      watch?.close();
      closeSync(fd);
      settle();
    };
    const timer = setTimeout(() => {
      finish(() => {
        resolve(undefined);
      });
    }, deadlineMs);
    const read = (): void => {
      watch?.close();
      watch = undefined;
      try {
        const chunk = Buffer.alloc(4096);
        const count = readSync(fd, chunk);
        chunks.push(chunk.subarray(0, count));
        if (count > 0 && !chunk.subarray(0, count).includes(0)) {
          watch = whenReadable(fd, read);
          return;
        }
        finish(() => {
          resolve(Buffer.concat(chunks));
        });
      } catch (error) {
        finish(() => {
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      }
    };
    watch = whenReadable(fd, read);
  });
}
