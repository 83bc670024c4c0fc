/** A file that is read while it is written: who writes it says how far it is, who reads it follows. */
import { closeSync, openSync } from 'node:fs';

export class GrowingFile {
  /** Of this very file, whatever becomes of its name; threads of this process may read it. */
  readonly fd: number;
  private size = 0;
  private isEnded = false;
  private tell: ((size: number, isEnded: boolean) => void) | undefined;

  /** Throws errors of fs. */
  constructor(path: string) {
    this.fd = openSync(path, 'r');
  }

  /** The first `size` bytes are written, and stay as they are. */
  grow(size: number): void {
    this.size = size;
    this.tell?.(size, this.isEnded);
  }

  /** There is no more to come. */
  end(): void {
    this.isEnded = true;
    this.tell?.(this.size, true);
  }

  /** When nobody reads it any more. */
  close(): void {
    closeSync(this.fd);
  }

  /** For its one reader, who is told at once how far it is, and whenever that changes; undefined: it listens no more. */
  listen(tell: ((size: number, isEnded: boolean) => void) | undefined): void {
    this.tell = tell;
    tell?.(this.size, this.isEnded);
  }
}
