/**
 * Space kept back for the day the disk is full: a file that is given up so that the ends of containers can
 * still be committed. It is real zeros, not a hole.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';

export const RESERVE_SIZE = 1024 * 1024;

export class Reserve {
  private readonly path: string;
  private held = false;

  constructor(path: string) {
    this.path = path;
  }

  get isHeld(): boolean {
    return this.held;
  }

  /** Takes the space, or says false where the disk has none to keep back. */
  take(): boolean {
    if (this.held) return true;
    if (statSync(this.path, { throwIfNoEntry: false })?.size === RESERVE_SIZE) {
      this.held = true;
      return true;
    }
    try {
      this.write();
      this.held = true;
    } catch (error) {
      rmSync(this.path, { force: true });
      if (!isFull(error)) throw error;
    }
    return this.held;
  }

  /** Gives the space back to the file system; false where there was none. */
  release(): boolean {
    const had = this.held;
    rmSync(this.path, { force: true });
    this.held = false;
    return had;
  }

  private write(): void {
    const file = openSync(this.path, 'w', 0o600);
    try {
      const zeros = Buffer.alloc(64 * 1024);
      for (let at = 0; at < RESERVE_SIZE; at += zeros.length) {
        if (writeSync(file, zeros) !== zeros.length) {
          throw Object.assign(new Error(`${this.path}: short write`), { code: 'ENOSPC' });
        }
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

/** ENOSPC and EDQUOT: the disk, or what we may use of it, is full. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
