/** The end of what a process writes into a pipe, however much that is. */
import { closeSync, readSync } from 'node:fs';
import { whenReadable } from '../../../native-bindings/readable.ts';

/** What is kept of it. */
const TAIL_BYTES = 4096;
const READ_BYTES = 64 * 1024;
/** Read in one go: the event loop is not to be held by one who writes without end. */
const READS_AT_ONCE = 4;

export class OutputTail {
  private readonly fd: number;
  private tail = Buffer.alloc(0);
  private watch: { close(): void } | undefined;

  /** `fd`: the reading end of a pipe, closed by finish(). */
  constructor(fd: number) {
    this.fd = fd;
    this.await();
  }

  /** What was written up to now, as far as it is kept. Others may still hold the pipe: they write for nobody. */
  finish(): string {
    this.read();
    this.watch?.close();
    closeSync(this.fd);
    return this.tail.toString();
  }

  private await(): void {
    this.watch = whenReadable(this.fd, () => {
      this.watch?.close();
      this.watch = undefined;
      if (this.read()) this.await();
    });
  }

  /** False at the end of it. The watch has made the descriptor non-blocking. */
  private read(): boolean {
    const chunk = Buffer.allocUnsafe(READ_BYTES);
    try {
      for (let reads = 0; reads < READS_AT_ONCE; reads += 1) {
        const count = readSync(this.fd, chunk);
        if (count === 0) return false;
        this.tail = Buffer.concat([this.tail, chunk.subarray(0, count)]).subarray(-TAIL_BYTES);
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
    return true;
  }
}
