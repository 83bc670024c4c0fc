/** The entry point of a thread that unpacks layers, one after the other; unpacker.ts starts it. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { describeHere } from './describe-here.ts';
import { fileSource, type Written } from './file-source.ts';
import type { Progress } from './job.ts';
import { measureTree } from './measure-tree.ts';
import { type FromThread, type ToThread, failureOf } from './messages.ts';
import { removeTree, unpackHere } from './unpack-here.ts';

const PROGRESS_MS = 100;

/** The stream's bytes as they come from the other thread. */
class Incoming {
  private readonly pieces: Buffer[] = [];
  private ended = false;
  private wake: (() => void) | undefined;

  piece(bytes: Uint8Array): void {
    this.pieces.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    this.wake?.();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }

  async *read(signal: AbortSignal, taken: (bytes: number) => void): AsyncGenerator<Buffer> {
    signal.addEventListener('abort', () => this.wake?.());
    for (;;) {
      signal.throwIfAborted();
      const piece = this.pieces.shift();
      if (piece !== undefined) {
        taken(piece.length);
        yield piece;
      } else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

function serve(port: MessagePort): void {
  let incoming = new Incoming();
  let abort = new AbortController();
  let written: Written | undefined;
  const say = (message: FromThread): void => port.postMessage(message);

  const taken = (bytes: number): void => say({ type: 'taken', bytes });

  const unpack = async ({ job, source }: ToThread & { type: 'unpack' }): Promise<void> => {
    incoming = new Incoming();
    abort = new AbortController();
    const { signal } = abort;
    let said = performance.now();
    const progress = (now: Progress): void => {
      if (performance.now() - said < PROGRESS_MS) return;
      said = performance.now();
      say({ type: 'progress', progress: now });
    };
    const isKept = job.compression === 'zstd' || job.compression === 'detect';
    written = undefined;
    if (source !== 'stream' && 'growing' in source) {
      written = { fd: source.growing, size: 0, isEnded: false, wake: undefined };
    }
    const bytes =
      source === 'stream'
        ? incoming.read(signal, taken)
        : fileSource('path' in source ? source.path : (written ?? ''), { signal, isKept });
    say({ type: 'unpacked', layer: await unpackHere(job, bytes, { signal, progress }) });
  };

  const describe = async ({ job }: ToThread & { type: 'describe' }): Promise<void> => {
    abort = new AbortController();
    await describeHere(job, abort.signal);
    say({ type: 'described' });
  };

  const failed = (error: unknown): void => say({ type: 'failed', failure: failureOf(error) });
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'unpack':
        unpack(message).catch(failed);
        return;
      case 'describe':
        describe(message).catch(failed);
        return;
      case 'remove':
        try {
          removeTree(message.directory);
          say({ type: 'removed' });
        } catch (error) {
          failed(error);
        }
        return;
      case 'measure':
        try {
          say({ type: 'measured', size: measureTree(message.directory) });
        } catch (error) {
          failed(error);
        }
        return;
      case 'piece':
        incoming.piece(message.bytes);
        return;
      case 'end':
        incoming.end();
        return;
      case 'grown':
        if (written === undefined) return;
        written.size = message.size;
        written.isEnded = message.isEnded;
        written.wake?.();
        return;
      case 'abort':
        abort.abort();
        return;
    }
  });
}

if (parentPort === null) throw new Error('this is the program of a thread');
serve(parentPort);
