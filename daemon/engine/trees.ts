/**
 * Directory trees are removed and measured on threads of their own: a layer that is being unpacked keeps nobody waiting who
 * removes a container.
 */
import { Unpacker } from '../images/unpack/unpacker.ts';
import type { Log } from './context.ts';

const THREADS = 2;

export class Trees {
  private readonly threads = new Unpacker({ threads: THREADS });
  private readonly log: Log;
  private readonly leaving = new Map<string, Promise<void>>();
  private isClosed = false;

  constructor(log: Log) {
    this.log = log;
  }

  /** Bytes on the disk of a directory and all below it; 0 where there is none. Throws UnpackFailure. */
  measure(path: string): Promise<number> {
    return this.threads.measureTree(path);
  }

  /** `path`: a directory or anything else; gone already is well. Throws UnpackFailure. */
  remove(path: string): Promise<void> {
    const leaving = this.leaving.get(path) ?? this.threads.removeTree(path).finally(() => this.leaving.delete(path));
    this.leaving.set(path, leaving);
    return leaving;
  }

  /** The same, and nobody waits for it. A failure is logged: the next daemon tries again. */
  removeLater(path: string): void {
    this.remove(path).catch((error: unknown) => {
      if (!this.isClosed) this.log.error({ err: error, path }, 'a directory could not be removed');
    });
  }

  /** It is being removed. */
  isLeaving(path: string): boolean {
    return this.leaving.has(path);
  }

  /** What goes on is cut off, and is the next daemon's to finish. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.threads.close();
  }
}
