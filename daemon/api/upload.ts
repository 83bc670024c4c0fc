/** Bodies that are streams of bytes: archives of images and of files. They are as long as they are, and take their time. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { ClientGone, EdgeError } from './problem.ts';

export const UPLOAD_TYPES = [
  'application/x-tar',
  'application/gzip',
  'application/zstd',
  'application/octet-stream',
] as const;

/** For how long a client may send nothing while its bytes are waited for. */
const SILENCE_MS = 60_000;

/** From now on bodies of this server's routes are left to be read by Upload; JSON is refused. */
export function takeUploads(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser([...UPLOAD_TYPES], (_request, _payload, done) => {
    done(null);
  });
}

/** Destroyed with ClientGone where the client goes before the end, with EdgeError request_timeout where it is silent. */
export class Upload extends Readable {
  private readonly source: IncomingMessage;
  private timer: NodeJS.Timeout | undefined;

  constructor(source: IncomingMessage) {
    super();
    this.source = source;
    source.pause();
    source.on('data', this.receive).on('end', this.finish).on('close', this.lose).on('error', this.lose);
    if (source.readableEnded) this.push(null);
    else if (source.destroyed) this.destroy(new ClientGone());
  }

  override _read(): void {
    if (this.timer === undefined) this.expect();
    this.source.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { source } = this;
    this.rest();
    source.off('data', this.receive).off('end', this.finish).off('close', this.lose).off('error', this.lose);
    source.pause();
    done(error);
  }

  private readonly receive = (piece: Buffer): void => {
    this.rest();
    if (this.push(piece)) this.expect();
    // unless it was asked for more in between
    else if (this.timer === undefined) this.source.pause();
  };

  private readonly finish = (): void => {
    this.rest();
    this.push(null);
  };

  private readonly lose = (): void => {
    if (!this.source.readableEnded) this.destroy(new ClientGone());
  };

  private expect(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.destroy(new EdgeError('request_timeout', `no byte of the body came for ${String(SILENCE_MS / 1000)} s`));
    }, SILENCE_MS);
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
