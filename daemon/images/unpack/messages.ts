/** What the daemon's thread and a thread that unpacks say to each other, postMessage of node:worker_threads. */
import { IMAGE_ERROR_CODES, ImageError, type ImageErrorCode } from '../errors.ts';
import type { DescribeJob, LayerJob, Progress, UnpackedLayer } from './job.ts';

/** One job at a time. Of a stream's bytes no more than WINDOW are on their way unasked. */
export type ToThread =
  | {
      readonly type: 'unpack';
      readonly job: LayerJob;
      readonly source: { readonly path: string } | { readonly growing: number } | 'stream';
    }
  | { readonly type: 'describe'; readonly job: DescribeJob }
  | { readonly type: 'remove'; readonly directory: string }
  | { readonly type: 'measure'; readonly directory: string }
  | { readonly type: 'piece'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  /** The file that grows has so many bytes by now. */
  | { readonly type: 'grown'; readonly size: number; readonly isEnded: boolean }
  /** The job ends as failed; why is known to who says this. Without a job under way it means nothing. */
  | { readonly type: 'abort' };

export type FromThread =
  /** So many bytes of the stream were taken in. */
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'unpacked'; readonly layer: UnpackedLayer }
  | { readonly type: 'described' }
  | { readonly type: 'removed' }
  | { readonly type: 'measured'; readonly size: number }
  | { readonly type: 'failed'; readonly failure: Failure };

export const WINDOW = 1024 * 1024;

/** An error; its class does not survive the way between threads. */
export interface Failure {
  readonly message: string;
  readonly image: ImageErrorCode | undefined;
  readonly cause: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error), image: undefined, cause: undefined };
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  const image = error instanceof ImageError ? error.code : undefined;
  return { message: error.message, image, cause };
}

/** What went wrong in a thread that was no fault of the layer: the kernel, the disk, a bug. */
export class UnpackFailure extends Error {
  override name = 'UnpackFailure';
}

export function errorOf({ message, image, cause }: Failure): Error {
  const options = cause === undefined ? undefined : { cause: new UnpackFailure(cause) };
  if (image !== undefined && IMAGE_ERROR_CODES.includes(image)) return new ImageError(image, message, options);
  return new UnpackFailure(message, options);
}
