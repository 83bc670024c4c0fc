/**
 * A blob as it comes: a stream that goes on where it was when the connection breaks, and at the next source where one
 * fails for good. It gives exactly as many bytes as the descriptor says or throws; whether they are the right ones is
 * for its consumer to see, who hashes them anyway.
 */
import type { Descriptor } from '../manifest/descriptor.ts';
import type { Repository } from '../reference.ts';
import type { Answer } from './answer.ts';
import { RegistryFailure } from './failure.ts';
import { pullScope, repositoryPath } from './repository.ts';
import { pauseAfter } from './retry.ts';
import type { Session } from './session.ts';
import { firstSource } from './sources.ts';

export interface DownloadOptions {
  /** Byte to begin with: what is before is there already. */
  readonly from?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each piece which byte comes next. */
  readonly onProgress?: ((position: number) => void) | undefined;
}

export interface DownloadSource {
  /** The best first; at least one. */
  readonly sessions: readonly Session[];
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  /** Begins every message. */
  readonly what: string;
}

/** An answer whose body begins with the byte `from`. */
interface Part {
  readonly answer: Answer;
  readonly from: number;
}

const CONTENT_RANGE = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/;

/** Throws where the header promises another part, or another size, than the descriptor's. */
function checkPart(answer: Answer, from: number, size: number, what: string): void {
  const refuse = (code: 'size_mismatch' | 'registry_invalid', problem: string): never => {
    answer.giveUp();
    throw new RegistryFailure(code, `${what}: ${answer.url.host} ${problem}`);
  };
  if (answer.status === 206) {
    const [, first, last, whole] = CONTENT_RANGE.exec(answer.header('content-range') ?? '') ?? [];
    if (whole !== undefined && whole !== '*' && Number(whole) !== size) {
      refuse('size_mismatch', `has ${whole} bytes of it, and it is to be ${size} bytes long`);
    }
    if (Number(first) !== from || Number(last) !== size - 1) {
      refuse('registry_invalid', `was asked for the bytes from ${from} and sends others`);
    }
  }
  const { length } = answer;
  if (length !== undefined && length !== size - from) {
    refuse('size_mismatch', `sends ${length} bytes, and ${size - from} are to come`);
  }
}

async function openAt(session: Session, source: DownloadSource, wanted: number, signal?: AbortSignal): Promise<Part> {
  const { descriptor, what } = source;
  const path = repositoryPath(session.source, source.repository);
  const ask = (from: number): Promise<Answer> =>
    session.request({
      method: 'GET',
      path: `${path}/blobs/${descriptor.digest}`,
      headers: from === 0 ? {} : { range: `bytes=${from}-` },
      scopes: [pullScope(path)],
      signal,
      accept: from === 0 ? [200] : [200, 206, 416],
      what,
      notFound: 'blob_not_found',
      isContent: true,
    });
  let answer = await ask(wanted);
  if (answer.status === 416) {
    await answer.discard();
    answer = await ask(0);
  }
  const from = answer.status === 206 ? wanted : 0;
  checkPart(answer, from, descriptor.size, what);
  return { answer, from };
}

export class BlobDownload implements AsyncIterableIterator<Uint8Array> {
  /** The first byte of the stream: the one asked for, or 0 where the registry does not give parts. */
  readonly from: number;
  private readonly source: DownloadSource;
  private readonly options: DownloadOptions;
  /** Those that have not failed yet. */
  private sessions: readonly Session[];
  private answer: Answer;
  private position: number;
  /** Bytes that come although they were given before. */
  private surplus = 0;
  private failures = 0;
  /** Where it was when it failed last. */
  private failedAt = 0;
  private isOver = false;

  private constructor(source: DownloadSource, options: DownloadOptions, sessions: readonly Session[], part: Part) {
    this.source = source;
    this.options = options;
    this.sessions = sessions;
    this.answer = part.answer;
    this.from = part.from;
    this.position = part.from;
    this.failedAt = part.from;
  }

  /** Throws RegistryFailure, or the signal's reason. The stream must be read to its end or returned. */
  static async open(source: DownloadSource, options: DownloadOptions): Promise<BlobDownload> {
    const { from = 0, signal } = options;
    const { size } = source.descriptor;
    const wanted = from < size ? from : 0;
    const [part, sessions] = await firstSource(source.sessions, signal, (session) =>
      openAt(session, source, wanted, signal),
    );
    return new BlobDownload(source, options, sessions, part);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      while (!this.isOver) {
        const piece = await this.nextPiece();
        if (piece !== undefined && piece.length > 0) return { done: false, value: piece };
      }
      return { done: true, value: undefined };
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  /** The rest is not wanted. */
  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.isOver = true;
    this.answer.giveUp();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** What comes next and was not given before; undefined where nothing came. */
  private async nextPiece(): Promise<Uint8Array | undefined> {
    let piece: Uint8Array | undefined;
    try {
      piece = await this.answer.next();
    } catch (error) {
      await this.resume(error);
      return undefined;
    }
    if (piece === undefined) {
      this.finish();
      return undefined;
    }
    const skipped = Math.min(this.surplus, piece.length);
    this.surplus -= skipped;
    const fresh = piece.subarray(skipped);
    const { size } = this.source.descriptor;
    if (this.position + fresh.length > size) {
      throw this.failure('size_mismatch', `sends more than the ${size} bytes it is to be long`);
    }
    this.position += fresh.length;
    this.options.onProgress?.(this.position);
    return fresh;
  }

  private finish(): void {
    const { size } = this.source.descriptor;
    if (this.position !== size) {
      throw this.failure('size_mismatch', `sends ${this.position} bytes, and it is to be ${size} bytes long`);
    }
    this.isOver = true;
  }

  /** Throws `error` where going on makes no sense. */
  private async resume(error: unknown): Promise<void> {
    const { signal } = this.options;
    if (!(error instanceof RegistryFailure) || !error.isTransient) throw error;
    if (this.position === this.source.descriptor.size) {
      // All is there, and only its end was not said.
      this.isOver = true;
      return;
    }
    const [session] = this.sessions;
    if (session === undefined) throw error;
    // A connection that brings nothing new each time is not tried for ever.
    if (this.position - this.failedAt >= session.limits.stallBytes) this.failures = 0;
    this.failedAt = this.position;
    this.failures++;
    try {
      await pauseAfter(error, this.failures, session.limits, session.pace, signal);
    } catch (failure) {
      if (failure !== error || this.sessions.length === 1) throw failure;
      this.sessions = this.sessions.slice(1);
      this.failures = 0;
    }
    const [part, sessions] = await firstSource(this.sessions, signal, (next) =>
      openAt(next, this.source, this.position, signal),
    );
    this.sessions = sessions;
    this.answer = part.answer;
    this.surplus = this.position - part.from;
  }

  private failure(code: 'size_mismatch', problem: string): RegistryFailure {
    return new RegistryFailure(code, `${this.source.what}: ${this.answer.url.host} ${problem}`);
  }
}
