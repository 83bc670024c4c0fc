/**
 * A blob as it goes: distribution-spec 1.1, "Pushing blobs". A small one within the request that closes its upload, a
 * larger one in one piece or more before that, for registries keep what came of a piece when the connection breaks, and
 * of a closing request nothing. They are asked how much they have then, and the rest follows.
 */
import { ImageError } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import { locationOf } from './redirects.ts';
import { pauseAfter } from './retry.ts';
import type { Answer } from './answer.ts';
import type { Session } from './session.ts';
import type { Transport } from './transport.ts';

/** Where a blob's bytes are. */
export interface BlobSource {
  /** Its bytes from `from` on. Called anew where a part is sent again. */
  open(from: number): AsyncIterable<Uint8Array>;
}

export interface UploadOptions {
  /** Bytes in one request at most; undefined: all of them, unless the registry wants it otherwise. */
  readonly chunkSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told which byte comes next; it goes back where a part is sent again. */
  readonly onProgress?: ((position: number) => void) | undefined;
}

export interface UploadTarget {
  readonly session: Session;
  readonly transport: Transport;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  /** Begins every message. */
  readonly what: string;
}

/** "0-1023": what the registry has, the last byte included. distribution-spec, "Pushing a blob in chunks". */
const RANGE = /^(?:bytes=)?0-([0-9]{1,15})$/;
/** Smaller pieces are not sent, whoever asks for them. */
const CHUNK_LEAST = 64 * 1024;
/** Up to this a blob is sent again from its beginning rather than in two requests. */
const SMALL = 1024 * 1024;

/** The registry no longer knows the upload, or does not say how far it came: it begins anew. */
class LostUpload extends Error {}

/** Exactly the bytes from `from` up to `to`; throws ImageError store_damaged where there are fewer. */
async function* slice(
  source: BlobSource,
  from: number,
  to: number,
  what: string,
  onProgress: ((position: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let position = from;
  if (position === to) return;
  for await (const piece of source.open(from)) {
    const wanted = piece.subarray(0, to - position);
    if (wanted.length > 0) yield wanted;
    position += wanted.length;
    onProgress?.(position);
    if (position === to) return;
  }
  throw new ImageError('store_damaged', `${what}: the local copy ends after ${position} bytes`);
}

export class Upload {
  private readonly target: UploadTarget;
  private readonly source: BlobSource;
  private readonly options: UploadOptions;
  private location: URL;
  private position = 0;
  private chunkSize: number;
  private failures = 0;
  /** Where it was when it failed last. */
  private failedAt = 0;

  /** `started`: the answer 202 to the request that began it. */
  constructor(target: UploadTarget, source: BlobSource, options: UploadOptions, started: Answer) {
    this.target = target;
    this.source = source;
    this.options = options;
    this.location = locationOf(started, target.transport, target.what);
    const { size } = target.descriptor;
    const least = started.header('oci-chunk-min-length');
    const wanted = least !== undefined && /^[0-9]{1,12}$/.test(least) ? Number(least) : 0;
    const chunk = options.chunkSize === undefined ? size : Math.max(CHUNK_LEAST, options.chunkSize);
    this.chunkSize = Math.max(1, wanted, chunk);
  }

  /** Whether it is done; false: it is lost and may begin anew. Throws RegistryFailure and what the source throws. */
  async send(): Promise<boolean> {
    const { session } = this.target;
    for (;;) {
      try {
        await this.sendRest();
        return true;
      } catch (error) {
        if (error instanceof LostUpload) return false;
        this.failures++;
        await pauseAfter(error, this.failures, session.limits, session.pace, this.options.signal);
        if (!(await this.askPosition())) return false;
        if (this.position - this.failedAt >= session.limits.stallBytes) this.failures = 0;
        this.failedAt = this.position;
      }
    }
  }

  /** Nobody waits for it any more. */
  async cancel(): Promise<void> {
    const { session, scopes, what } = this.target;
    try {
      const answer = await session.once({
        method: 'DELETE',
        path: this.location,
        scopes,
        accept: [200, 202, 204, 404, 405],
        what,
        notFound: 'blob_not_found',
      });
      await answer.discard();
    } catch (error) {
      // Ignoring: registries forget uploads that nobody goes on with.
      if (!(error instanceof ImageError)) throw error;
    }
  }

  private async sendRest(): Promise<void> {
    const { size } = this.target.descriptor;
    const isWhole = this.position === 0 && size <= SMALL && this.chunkSize >= size;
    while (!isWhole && this.position < size) {
      const before = this.position;
      await this.sendPiece(Math.min(size, this.position + this.chunkSize));
      if (this.position <= before) throw new LostUpload();
      this.failures = 0;
    }
    await this.close();
  }

  private async sendPiece(to: number): Promise<void> {
    const answer = await this.put('PATCH', this.location, to, [202], {
      'content-range': `${this.position}-${to - 1}`,
    });
    this.follow(answer);
    const said = this.said(answer);
    await answer.discard();
    // What the registry says it has is what counts; silence means all of it.
    this.position = said ?? to;
  }

  private async close(): Promise<void> {
    const { digest, size } = this.target.descriptor;
    const url = new URL(this.location);
    // By hand: the rest of the query is the registry's, and is to come back as it was.
    url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
    const answer = await this.put('PUT', url, size, [201, 204], {});
    await answer.discard();
    this.options.onProgress?.(size);
  }

  private async put(
    method: 'PUT' | 'PATCH',
    path: URL,
    to: number,
    accept: readonly number[],
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const { session, scopes, what } = this.target;
    const { signal, onProgress } = this.options;
    const from = this.position;
    let localFailure: unknown;
    const open = async function* (source: BlobSource): AsyncGenerator<Uint8Array> {
      try {
        yield* slice(source, from, to, what, onProgress);
      } catch (error) {
        localFailure = error;
        throw error;
      }
    };
    const answer = await session
      .once({
        method,
        path,
        headers: { 'content-type': 'application/octet-stream', ...headers },
        body: from === to ? Buffer.alloc(0) : { length: to - from, open: () => open(this.source) },
        scopes,
        signal,
        accept: [...accept, 404, 416],
        what,
        notFound: 'blob_not_found',
        isContent: true,
      })
      .catch((error: unknown) => {
        throw localFailure ?? error;
      });
    if (answer.status !== 404 && answer.status !== 416) return answer;
    await answer.discard();
    throw new LostUpload();
  }

  /** Asks how much the registry has. False: it does not know. */
  private async askPosition(): Promise<boolean> {
    const { session, scopes, what } = this.target;
    const answer = await session.request({
      method: 'GET',
      path: this.location,
      scopes,
      signal: this.options.signal,
      accept: [200, 202, 204, 400, 404, 405, 416],
      what,
      notFound: 'blob_not_found',
    });
    await answer.discard();
    if (answer.status > 204) return false;
    const said = this.said(answer);
    // "0-0" is what Docker's registry says both of nothing and of one byte.
    if (said === undefined || said <= 1 || said > this.target.descriptor.size) return false;
    this.follow(answer);
    this.position = said;
    this.options.onProgress?.(said);
    return true;
  }

  /** How many bytes the registry has by its header Range; undefined: it does not say. */
  private said(answer: Answer): number | undefined {
    const match = RANGE.exec(answer.header('range') ?? '');
    return match === null ? undefined : Number(match[1]) + 1;
  }

  private follow(answer: Answer): void {
    if (answer.header('location') !== undefined) {
      this.location = locationOf(answer, this.target.transport, this.target.what);
    }
  }
}
