/** The entry point of a thread that works on containers' files, one job after the other; threads.ts starts it. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { createGzip } from 'node:zlib';
import { LostThread } from '../../../native-bindings/mount-namespace.ts';
import { ImageError } from '../../images/errors.ts';
import { FileError } from '../../images/pack/file-error.ts';
import { ConnectionFailure } from '../errors.ts';
import { contextJob } from '../build/copy/context-job.ts';
import { copyJob, makeDirectoryJob } from '../build/copy/copy-job.ts';
import { digestJob } from '../build/copy/digest-job.ts';
import { readDockerfile } from '../build/copy/read-dockerfile.ts';
import { bodyFrom } from './body-reader.ts';
import { writeChunked } from './chunked-socket.ts';
import { changesJob, layerJob } from './difference-jobs.ts';
import { archiveJob, exportJob, statJob } from './do-job.ts';
import { extractJob } from './extract-job.ts';
import { type Failure, type FromThread, type Job, type PackedLayer, type ToThread, WINDOW } from './jobs.ts';

/** What is pushed is compressed once, here, beside being read; more effort gains little and takes several times as long. */
const LEVEL = 1;
const PIECE = 256 * 1024;

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const file = error instanceof FileError ? error.code : undefined;
  const image = error instanceof ImageError ? error.code : undefined;
  const connection = error instanceof ConnectionFailure ? error.fault : undefined;
  return { message, file, image, connection, code: file ?? image ?? code };
}

/** One job's ends of the two streams. */
class Exchange {
  readonly signal: AbortSignal;
  private readonly abortion = new AbortController();
  private readonly say: (message: FromThread, transfer?: ArrayBuffer[]) => void;
  private readonly pieces: Buffer[] = [];
  private hasEnded = false;
  private onWay = 0;
  private wake: (() => void) | undefined;
  private chosen: { readonly socket: number | undefined } | undefined;

  constructor(say: (message: FromThread, transfer?: ArrayBuffer[]) => void) {
    this.say = say;
    this.signal = this.abortion.signal;
  }

  hear(message: ToThread): void {
    if (message.type === 'piece') {
      const { buffer, byteOffset, length } = message.bytes;
      this.pieces.push(Buffer.from(buffer, byteOffset, length));
    } else if (message.type === 'end') this.hasEnded = true;
    else if (message.type === 'taken') this.onWay -= message.bytes;
    else if (message.type === 'outlet') this.chosen = { socket: message.socket };
    else this.abortion.abort();
    this.wake?.();
  }

  /** What the other side sends. Throws the signal's reason. */
  async *incoming(): AsyncGenerator<Buffer> {
    for (;;) {
      this.signal.throwIfAborted();
      const piece = this.pieces.shift();
      if (piece !== undefined) {
        this.say({ type: 'taken', bytes: piece.length });
        yield piece;
      } else if (this.hasEnded) return;
      else await this.news();
    }
  }

  /** Where what the job gives is to go; undefined: send() it. Throws the signal's reason. */
  async outlet(): Promise<number | undefined> {
    while (this.chosen === undefined && !this.signal.aborted) await this.news();
    this.signal.throwIfAborted();
    return this.chosen?.socket;
  }

  /** Waits while too much is on its way. `piece` has an ArrayBuffer of its own. Throws the signal's reason. */
  async send(piece: Buffer): Promise<void> {
    while (this.onWay >= WINDOW && !this.signal.aborted) await this.news();
    this.signal.throwIfAborted();
    this.onWay += piece.length;
    this.say({ type: 'piece', bytes: piece }, [piece.buffer as ArrayBuffer]);
    // messages that came meanwhile are heard now: one that says "abort" above all
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  private news(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }
}

/** Several pieces of zlib's may lie in one ArrayBuffer. */
function ofItsOwn(piece: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(piece.length);
  piece.copy(own);
  return own;
}

/** What a job gives, from when it is known where to. `make` is given where pieces that are written may be put to be used again. */
async function sendAll(make: (spare: Buffer[]) => Generator<Buffer>, exchange: Exchange): Promise<void> {
  const spare: Buffer[] = [];
  const pieces = make(spare);
  try {
    // up to here it tells that what is asked for is there
    const first = pieces.next();
    const socket = await exchange.outlet();
    const all = continued(first, pieces);
    if (socket !== undefined) await writeChunked(socket, all, { signal: exchange.signal, spare });
    else for (const piece of all) await exchange.send(piece);
  } finally {
    pieces.return(undefined);
  }
}

/** In one piece. */
function sendJson(value: unknown, exchange: Exchange): Promise<void> {
  return sendAll(function* () {
    yield ofItsOwn(Buffer.from(JSON.stringify(value)));
  }, exchange);
}

function* continued(first: IteratorResult<Buffer>, rest: Iterable<Buffer>): Generator<Buffer> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

/** The layer compressed; what is told of it is of the uncompressed one. */
async function sendLayer(job: Job & { do: 'layer' }, exchange: Exchange): Promise<PackedLayer> {
  const hash = createHash('sha256');
  const gzip = createGzip({ level: LEVEL, chunkSize: PIECE });
  const sent = (async (): Promise<void> => {
    for await (const piece of gzip) await exchange.send(ofItsOwn(piece as Buffer));
  })();
  // met below, where it is waited for
  sent.catch((error: unknown) => gzip.destroy(error instanceof Error ? error : undefined));
  const layer = layerJob(job);
  let size = 0;
  try {
    for (;;) {
      const next = layer.next();
      if (next.done === true) {
        gzip.end();
        await sent;
        return { diffId: `sha256:${hash.digest('hex')}`, size, isEmpty: next.value.isEmpty };
      }
      size += next.value.length;
      hash.update(next.value);
      if (!gzip.write(next.value)) await Promise.race([once(gzip, 'drain'), sent]);
      exchange.signal.throwIfAborted();
    }
  } catch (error) {
    gzip.destroy();
    throw error;
  } finally {
    layer.return({ isEmpty: false });
  }
}

async function perform(
  job: Job,
  exchange: Exchange,
  begun: (stat?: ReturnType<typeof statJob>) => void,
): Promise<PackedLayer | undefined> {
  switch (job.do) {
    case 'stat':
      begun(statJob(job));
      return undefined;
    case 'archive':
      await sendAll((spare) => archiveJob(job, begun, spare), exchange);
      return undefined;
    case 'export':
      await sendAll((spare) => exportJob(job, begun, spare), exchange);
      return undefined;
    case 'changes':
      await sendAll(() => changesJob(job, begun), exchange);
      return undefined;
    case 'extract':
      await extractJob(job, {
        pieces: () => (job.body === undefined ? exchange.incoming() : bodyFrom(job.body, exchange.signal)),
        isLent: job.body !== undefined,
        signal: exchange.signal,
      });
      return undefined;
    case 'layer':
      begun();
      return sendLayer(job, exchange);
    case 'build-context':
      await contextJob(job, { pieces: () => exchange.incoming(), isLent: false, signal: exchange.signal });
      await sendJson(readDockerfile(job.directory, job.dockerfile), exchange);
      return undefined;
    case 'copy-digest':
      await sendJson(await digestJob(job, exchange.signal), exchange);
      return undefined;
    case 'copy-files':
      await copyJob(job, exchange.signal);
      return undefined;
    case 'make-directory':
      await makeDirectoryJob(job);
      return undefined;
  }
}

function serve(port: MessagePort): void {
  let exchange: Exchange | undefined;
  const say = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const take = async (job: Job, own: Exchange): Promise<void> => {
    try {
      const layer = await perform(job, own, (stat) => say({ type: 'begun', stat }));
      say({ type: 'done', layer });
    } catch (error) {
      say({ type: 'failed', failure: failureOf(error), isLost: error instanceof LostThread });
    }
  };
  port.on('message', (message: ToThread) => {
    if (message.type !== 'job') {
      exchange?.hear(message);
      return;
    }
    exchange = new Exchange(say);
    void take(message.job, exchange);
  });
}

if (parentPort === null) throw new Error('this is the program of a thread');
serve(parentPort);
