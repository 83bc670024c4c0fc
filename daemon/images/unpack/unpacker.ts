/**
 * Unpacks layers on threads of their own, as many at a time as there are processors; the others wait their turn. As many
 * again are for files that still grow, which may take as long as a network does, and hold up nobody who has all of his.
 */
import { availableParallelism } from 'node:os';
import { Readable } from 'node:stream';
import { mkdir } from 'node:fs/promises';
import { GrowingFile } from './growing-file.ts';
import type { DescribeJob, LayerJob, Progress, UnpackedLayer } from './job.ts';
import { Thread } from './thread.ts';

export type { Compression } from './decompress.ts';
export type { DescribeJob, LayerJob, Limits, Progress, UnpackedLayer } from './job.ts';
export { GrowingFile } from './growing-file.ts';
export { UnpackFailure } from './messages.ts';

/** Layers of an image follow each other; a thread takes 30 ms to start, and some megabytes while it is there. */
const IDLE_MS = 5000;
/** An archive's entries take nothing; the list of implied directories may take half of this (directories.ts). */
const HEAP_MB = 128;

export interface UnpackRequest extends LayerJob {
  /** The path of a file, a file that is still written, or a stream of bytes, which is destroyed at the end. */
  readonly source: string | GrowingFile | Readable;
  readonly signal?: AbortSignal | undefined;
  /** Told now and then, not oftener than ten times a second. */
  readonly progress?: ((progress: Progress) => void) | undefined;
}

export interface UnpackerOptions {
  /** The number of processors where absent. */
  readonly threads?: number;
  /** Of each thread's heap, in MiB. */
  readonly heapMb?: number;
}

/** Jobs that wait for each other only. */
class Lane {
  readonly busy = new Set<Thread>();
  readonly waiting: (() => void)[] = [];
}

export class Unpacker {
  private readonly most: number;
  private readonly heapMb: number;
  private readonly idle: { readonly thread: Thread; readonly timer: NodeJS.Timeout }[] = [];
  private readonly whole = new Lane();
  private readonly growing = new Lane();
  private readonly closing = new AbortController();

  constructor({ threads = availableParallelism(), heapMb = HEAP_MB }: UnpackerOptions = {}) {
    this.most = threads;
    this.heapMb = heapMb;
  }

  /**
   * Makes `directory` from a layer's bytes. Where this fails nothing of it is left.
   *
   * @throws ImageError layer_invalid, too_large, digest_mismatch, disk_full; UnpackFailure (the kernel, the disk: its
   * message says which call); the signal's reason; what the stream throws; what mkdir of node:fs throws (EEXIST)
   */
  async unpackLayer({ source, signal, progress, ...job }: UnpackRequest): Promise<UnpackedLayer> {
    const either = AbortSignal.any([this.closing.signal, ...(signal === undefined ? [] : [signal])]);
    const lane = source instanceof GrowingFile ? this.growing : this.whole;
    try {
      return await this.onThread(lane, either, async (thread) => {
        await mkdir(job.directory, 0o755);
        try {
          return await thread.unpack(job, source, { signal: either, progress });
        } catch (error) {
          // The thread could not clean up after itself.
          if (thread.dead) await this.removeLeft(job.directory);
          throw error;
        }
      });
    } finally {
      if (source instanceof Readable) source.destroy();
    }
  }

  /**
   * Describes the directories of an unpacked layer that it has no entries of as the layers below have them. Where this
   * fails some of them are described.
   *
   * @throws ImageError too_large; UnpackFailure; the signal's reason
   */
  async describe(job: DescribeJob, signal?: AbortSignal): Promise<void> {
    const either = AbortSignal.any([this.closing.signal, ...(signal === undefined ? [] : [signal])]);
    await this.onThread(this.whole, either, (thread) => thread.describe(job, either));
  }

  /** Takes a directory and all below it, also what is too deep for node:fs. Nothing happens where there is none. Throws UnpackFailure. */
  async removeTree(directory: string): Promise<void> {
    await this.onExpendableThread((thread) => thread.remove(directory));
  }

  /** What a directory and all below it take of the disk, in bytes; 0 where there is none. Throws UnpackFailure. */
  async measureTree(directory: string): Promise<number> {
    return this.onExpendableThread((thread) => thread.measure(directory));
  }

  /** Aborts what is under way and waits until it is cleaned up. */
  async close(): Promise<void> {
    this.closing.abort(new DOMException('the daemon is shutting down', 'AbortError'));
    for (const { busy, waiting } of [this.whole, this.growing]) {
      for (const wake of waiting.splice(0)) wake();
      while (busy.size > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    }
    const ended = this.idle.splice(0).map(({ thread, timer }) => {
      clearTimeout(timer);
      return thread.end();
    });
    await Promise.all(ended);
  }

  private async onThread<T>(lane: Lane, signal: AbortSignal, work: (thread: Thread) => Promise<T>): Promise<T> {
    const thread = await this.acquire(lane, signal);
    try {
      return await work(thread);
    } finally {
      this.release(lane, thread);
    }
  }

  /** For work that looks at no signal, and that may stop anywhere: at the end of the daemon the thread is ended. */
  private onExpendableThread<T>(work: (thread: Thread) => Promise<T>): Promise<T> {
    const { signal } = this.closing;
    return this.onThread(this.whole, signal, async (thread) => {
      const end = (): void => void thread.end();
      signal.addEventListener('abort', end);
      try {
        return await work(thread);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', end);
      }
    });
  }

  private async acquire(lane: Lane, signal: AbortSignal): Promise<Thread> {
    signal.throwIfAborted();
    while (lane.busy.size >= this.most) await turn(lane, signal);
    const rested = this.idle.pop();
    clearTimeout(rested?.timer);
    const thread = rested === undefined || rested.thread.dead ? new Thread(this.heapMb) : rested.thread;
    lane.busy.add(thread);
    return thread;
  }

  private release(lane: Lane, thread: Thread): void {
    lane.busy.delete(thread);
    if (!thread.dead) {
      thread.rest();
      const timer = setTimeout(() => this.retire(thread), IDLE_MS).unref();
      this.idle.push({ thread, timer });
    }
    lane.waiting.shift()?.();
  }

  private retire(thread: Thread): void {
    const at = this.idle.findIndex((each) => each.thread === thread);
    if (at !== -1) this.idle.splice(at, 1);
    thread.end().catch(() => undefined);
  }

  private async removeLeft(directory: string): Promise<void> {
    const thread = new Thread(this.heapMb);
    try {
      await thread.remove(directory);
    } finally {
      await thread.end();
    }
  }
}

/** Until a thread may be free. Throws the signal's reason. */
async function turn({ waiting }: Lane, signal: AbortSignal): Promise<void> {
  let wake = (): void => undefined;
  const woken = new Promise<void>((resolve) => (wake = resolve));
  waiting.push(wake);
  signal.addEventListener('abort', wake);
  try {
    await woken;
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', wake);
    const at = waiting.indexOf(wake);
    if (at !== -1) waiting.splice(at, 1);
    else if (signal.aborted) waiting.shift()?.();
  }
}
