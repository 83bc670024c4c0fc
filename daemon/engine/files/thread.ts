/** A thread that works on containers' files, seen from the daemon's: one job at a time. */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { duplicate, widen } from '../../../native-bindings/socket-output.ts';
import type { PathStat } from '../../../shared/api/files.ts';
import { ImageError } from '../../images/errors.ts';
import { ConnectionFailure, EngineError } from '../errors.ts';
import { imageError } from '../images/image-error.ts';
import { type Failure, type FromThread, type Job, type PackedLayer, type ToThread, WINDOW } from './jobs.ts';

/** Beside the bundle lies the bundle of the thread (scripts/build.ts), beside the source its source. */
const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './files-worker.mjs', import.meta.url);
/** Of what a job takes, at a time. */
const GATHERED = 512 * 1024;
/** What may wait in a client's socket: with less, thread and client wake each other for every 100 KB. */
const OUTLET = 1024 * 1024;
/** Names of the largest directories, and of files with several links; what flows through it lies outside of the heap. */
const HEAP_MB = 256;

/** A job that was begun. Whoever has it reads `pieces` to their end, or calls `stop`. */
export interface Working {
  /** Resolves when it is known that what is asked for is there. Throws EngineError. */
  readonly begun: Promise<PathStat | undefined>;
  /** Throws EngineError; then what came is not the whole. */
  readonly pieces: () => AsyncGenerator<Buffer>;
  /** The same to a socket that does not block, as chunks of HTTP without the last. Either this or `pieces`. Throws as `done`. */
  readonly writeTo: (socket: number) => Promise<void>;
  /** Throws EngineError, and the reason of `stop`. */
  readonly done: Promise<PackedLayer | undefined>;
  readonly stop: (reason: unknown) => void;
}

function errorOf({ message, file, image, connection, code }: Failure): Error {
  if (connection !== undefined) return new ConnectionFailure(connection, message);
  if (file !== undefined) return new EngineError(file, message);
  if (image === 'layer_invalid')
    return new EngineError(
      'archive_invalid',
      message.replace("the layer's", "the archive's").replace('the layer', 'the archive'),
    );
  if (image !== undefined) return imageError(new ImageError(image, message)) as Error;
  return new EngineError(code === undefined ? 'internal' : 'kernel_refused', message);
}

export class Thread {
  private readonly worker = new Worker(PROGRAM, {
    name: 'files',
    // Flags of the process that say what its program is would be refused here; those of V8 hold in all threads.
    execArgv: [],
    // Descriptors come from openat, which Node does not see; each job closes its own.
    trackUnmanagedFds: false,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  private hear: ((message: FromThread) => void) | undefined;
  private broken: ((error: Error) => void) | undefined;
  private error: Error | undefined;

  constructor() {
    this.worker.on('message', (message: FromThread) => this.hear?.(message));
    this.worker.on('error', (error: unknown) => this.fail(dead(error)));
    this.worker.on('exit', () => this.fail(dead(undefined)));
  }

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

  /** `upload`: what the job takes. */
  begin(job: Job, upload?: AsyncIterable<Uint8Array>): Working {
    this.worker.ref();
    const work = new Work((message, transfer = []) => this.worker.postMessage(message, transfer));
    this.hear = (message) => {
      if (message.type === 'failed' && message.isLost) this.fail(dead(message.failure.message));
      work.hear(message);
    };
    this.broken = (error) => work.fail(error);
    if (this.error !== undefined) work.fail(this.error);
    this.worker.postMessage({ type: 'job', job } satisfies ToThread);
    if (upload !== undefined) void work.send(upload);
    return work;
  }

  private fail(error: Error): void {
    this.error ??= error;
    this.broken?.(this.error);
  }
}

function dead(cause: unknown): EngineError {
  return new EngineError('internal', 'the thread that worked on the files has died', { cause });
}

class Work implements Working {
  readonly begun: Promise<PathStat | undefined>;
  readonly done: Promise<PackedLayer | undefined>;
  private readonly tell: (message: ToThread, transfer?: ArrayBuffer[]) => void;
  private readonly beginning = Promise.withResolvers<PathStat | undefined>();
  private readonly ending = Promise.withResolvers<PackedLayer | undefined>();
  private readonly came: Buffer[] = [];
  private over = false;
  private onWay = 0;
  private reason: { readonly error: unknown } | undefined;
  private wakeReader: (() => void) | undefined;
  private wakeSender: (() => void) | undefined;

  constructor(tell: (message: ToThread, transfer?: ArrayBuffer[]) => void) {
    this.tell = tell;
    this.begun = this.beginning.promise;
    this.done = this.ending.promise;
    // not everybody waits for both
    this.begun.catch(() => undefined);
    this.done.catch(() => undefined);
  }

  hear(message: FromThread): void {
    if (message.type === 'begun') this.beginning.resolve(message.stat);
    else if (message.type === 'taken') this.onWay -= message.bytes;
    else if (message.type === 'piece') {
      const { buffer, byteOffset, length } = message.bytes;
      this.came.push(Buffer.from(buffer, byteOffset, length));
    } else if (message.type === 'failed') this.fail(errorOf(message.failure));
    else {
      this.over = true;
      this.beginning.resolve(undefined);
      this.ending.resolve(message.layer);
    }
    this.wakeReader?.();
    this.wakeSender?.();
  }

  fail(error: Error): void {
    this.over = true;
    const cause = this.reason === undefined ? error : this.reason.error;
    this.beginning.reject(cause);
    this.ending.reject(cause);
    this.wakeReader?.();
    this.wakeSender?.();
  }

  stop(reason: unknown): void {
    if (this.over) return;
    this.reason ??= { error: reason };
    this.tell({ type: 'abort' });
    this.wakeSender?.();
  }

  async writeTo(socket: number): Promise<void> {
    const own = duplicate(socket);
    try {
      widen(own, OUTLET);
      this.tell({ type: 'outlet', socket: own });
      await this.done;
    } finally {
      closeSync(own);
    }
  }

  async *pieces(): AsyncGenerator<Buffer> {
    try {
      this.tell({ type: 'outlet', socket: undefined });
      for (;;) {
        const piece = this.came.shift();
        if (piece !== undefined) {
          this.tell({ type: 'taken', bytes: piece.length });
          yield piece;
        } else if (this.over) break;
        else await new Promise<void>((resolve) => (this.wakeReader = resolve));
      }
      await this.done;
    } finally {
      this.stop(new EngineError('internal', 'nobody reads any more'));
    }
  }

  /** In pieces larger than they come: each message costs as much as copying many bytes. */
  async send(upload: AsyncIterable<Uint8Array>): Promise<void> {
    const gathered = new Gatherer((bytes) => {
      this.onWay += bytes.length;
      this.tell({ type: 'piece', bytes }, [bytes.buffer as ArrayBuffer]);
    });
    try {
      for await (const bytes of upload) {
        while (this.onWay >= WINDOW && !this.isOver) await new Promise<void>((resolve) => (this.wakeSender = resolve));
        if (this.isOver) return;
        gathered.add(bytes);
      }
      gathered.flush();
      this.tell({ type: 'end' });
    } catch (error) {
      this.stop(error);
    }
  }

  private get isOver(): boolean {
    return this.over || this.reason !== undefined;
  }
}

/** Makes pieces of one size, each with an ArrayBuffer of its own. */
class Gatherer {
  private readonly full: (piece: Buffer) => void;
  private piece = Buffer.alloc(0);
  private filled = 0;

  constructor(full: (piece: Buffer) => void) {
    this.full = full;
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.piece.length === 0) this.piece = Buffer.allocUnsafeSlow(GATHERED);
      const count = Math.min(bytes.length - at, GATHERED - this.filled);
      this.piece.set(bytes.subarray(at, at + count), this.filled);
      at += count;
      this.filled += count;
      if (this.filled === GATHERED) this.flush();
    }
  }

  flush(): void {
    const { piece, filled } = this;
    this.piece = Buffer.alloc(0);
    this.filled = 0;
    if (filled > 0) this.full(piece.subarray(0, filled));
  }
}
