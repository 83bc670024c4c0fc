/** A thread that unpacks, seen from the daemon's: one job at a time. */
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { GrowingFile } from './growing-file.ts';
import type { DescribeJob, LayerJob, Progress, UnpackedLayer } from './job.ts';
import { type FromThread, type ToThread, UnpackFailure, WINDOW, errorOf } from './messages.ts';

/** Beside the bundle lies the bundle of the thread (scripts/build.ts), beside the source its source. */
const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './unpack-worker.mjs', import.meta.url);
/** What the thread answers last to a job. */
export type Answer = Extract<FromThread, { type: 'unpacked' | 'described' | 'removed' | 'measured' | 'failed' }>;

function named(source: string | GrowingFile | Readable): (ToThread & { type: 'unpack' })['source'] {
  if (typeof source === 'string') return { path: source };
  return source instanceof GrowingFile ? { growing: source.fd } : 'stream';
}

export class Thread {
  private readonly worker: Worker;
  private answered: ((answer: Answer) => void) | undefined;
  private broke: ((error: Error) => void) | undefined;
  private progress: ((progress: Progress) => void) | undefined;
  private onWay = 0;
  private room: (() => void) | undefined;
  private error: Error | undefined;

  /** `heapMb` bounds the thread's heap: it ends where it needs more, the process does not. */
  constructor(heapMb: number) {
    this.worker = new Worker(PROGRAM, {
      name: 'unpack',
      // Flags of the process that say what its program is would be refused here; those of V8 hold in all threads.
      execArgv: [],
      // Descriptors come from openat, which Node does not see; each job closes its own.
      trackUnmanagedFds: false,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    this.worker.on('message', (message: FromThread) => this.take(message));
    this.worker.on('error', (error: unknown) => {
      this.fail(new UnpackFailure('a thread that unpacks has died', { cause: error }));
    });
    this.worker.on('exit', (code) => {
      this.fail(new UnpackFailure(`a thread that unpacks has ended with ${String(code)}`));
    });
  }

  /** It has ended, or is about to, and takes no job. */
  get dead(): boolean {
    return this.error !== undefined;
  }

  /** An idle thread does not keep the process alive. */
  rest(): void {
    this.worker.unref();
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  async remove(directory: string): Promise<void> {
    await this.ask({ type: 'remove', directory });
  }

  /** Bytes on the disk. Throws UnpackFailure. */
  async measure(directory: string): Promise<number> {
    const answer = await this.ask({ type: 'measure', directory });
    if (answer.type !== 'measured') throw new UnpackFailure('a thread that unpacks answered something else');
    return answer.size;
  }

  /** Throws ImageError, UnpackFailure, the signal's reason. */
  async describe(job: DescribeJob, signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.say({ type: 'abort' });
    signal.addEventListener('abort', onAbort);
    try {
      const asked = this.ask({ type: 'describe', job });
      if (signal.aborted) onAbort();
      await asked;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /**
   * When this rejects, the thread is through with the job, or `dead` and what it made is still there.
   *
   * @throws ImageError, UnpackFailure, the signal's reason, what the stream throws
   */
  async unpack(
    job: LayerJob,
    source: string | GrowingFile | Readable,
    { signal, progress }: { signal?: AbortSignal | undefined; progress?: ((progress: Progress) => void) | undefined },
  ): Promise<UnpackedLayer> {
    this.progress = progress;
    let cause: { readonly error: unknown } | undefined;
    let over = false;
    const stop = (error: unknown): void => {
      // The thread may have its next job by now.
      if (over) return;
      cause ??= { error };
      this.say({ type: 'abort' });
      this.room?.();
    };
    const onAbort = (): void => stop(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      const asked = this.ask({ type: 'unpack', job, source: named(source) });
      if (source instanceof GrowingFile) {
        source.listen((size, isEnded) => this.say({ type: 'grown', size, isEnded }));
      } else if (typeof source !== 'string') this.send(source, () => over || cause !== undefined).catch(stop);
      if (signal?.aborted === true) onAbort();
      const answer = await asked;
      if (answer.type !== 'unpacked') throw new UnpackFailure('a thread that unpacks answered something else');
      return answer.layer;
    } catch (error) {
      throw cause === undefined ? error : cause.error;
    } finally {
      over = true;
      if (source instanceof GrowingFile) source.listen(undefined);
      signal?.removeEventListener('abort', onAbort);
      this.progress = undefined;
      this.room?.();
    }
  }

  private async ask(message: ToThread): Promise<Answer> {
    if (this.error !== undefined) throw this.error;
    this.worker.ref();
    this.onWay = 0;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.answered = resolve;
      this.broke = reject;
      this.say(message);
    });
    if (answer.type === 'failed') throw errorOf(answer.failure);
    return answer;
  }

  private say(message: ToThread): void {
    this.worker.postMessage(message);
  }

  /** The stream's bytes, as fast as they are taken. Pieces are copied: they may be parts of a pool. */
  private async send(source: Readable, stopped: () => boolean): Promise<void> {
    for await (const piece of source as AsyncIterable<Uint8Array>) {
      while (this.onWay >= WINDOW && !stopped()) await new Promise<void>((resolve) => (this.room = resolve));
      if (stopped()) return;
      this.onWay += piece.length;
      this.say({ type: 'piece', bytes: piece });
    }
    if (!stopped()) this.say({ type: 'end' });
  }

  private take(message: FromThread): void {
    if (message.type === 'taken') {
      this.onWay -= message.bytes;
      this.room?.();
    } else if (message.type === 'progress') this.progress?.(message.progress);
    else this.answered?.(message);
  }

  private fail(error: Error): void {
    this.error ??= error;
    this.broke?.(this.error);
    this.room?.();
  }
}
