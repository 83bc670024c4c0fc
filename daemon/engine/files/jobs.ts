/** What the threads that work on containers' files are asked, and what they say; postMessage of node:worker_threads. */
import type { ArchiveQuery, ExtractQuery, PathStat } from '../../../shared/api/files.ts';
import type { DirectBody } from '../../api/engine.ts';
import type { ConnectionFault } from '../errors.ts';
import type { IdMaps } from '../../images/pack/id-maps.ts';
import type { FileErrorCode } from '../../images/pack/file-error.ts';
import type { ImageErrorCode } from '../../images/errors.ts';
import type { CopyJob } from '../build/copy/copy.ts';
import type { ViewSource } from './view-source.ts';

/** What a layer is packed from: what differs from the layers below it, or a whole root. */
export type LayerSource =
  { readonly is: 'difference'; readonly of: Differing } | { readonly is: 'root'; readonly view: ViewSource };

export type DifferenceSource =
  /** The upper layer as it lies on disk, which names what was changed. */
  | { readonly is: 'upper'; readonly directory: string }
  /** The container's tree as it sees it, compared with what it was made of. */
  | { readonly is: 'tree'; readonly view: ViewSource };

/** A container's root and what it was made of. */
export interface Differing {
  readonly source: DifferenceSource;
  /** Marks of the overlay are user.overlay.*, as a user namespace can write them. */
  readonly userxattr: boolean;
  readonly lower: readonly string[];
  readonly mountPoint: string;
  readonly ids: IdMaps;
  /** Mount points: what the runtime made there is no change. */
  readonly mountPoints: readonly string[];
}

export type Job =
  | { readonly do: 'stat'; readonly view: ViewSource; readonly query: ArchiveQuery }
  /** Gives a tar archive; PathStat is told before. */
  | { readonly do: 'archive'; readonly view: ViewSource; readonly query: ArchiveQuery }
  /** Takes a tar archive, plain, gzip or zstd: in messages, or `body` where it is read from its client's connection. */
  | { readonly do: 'extract'; readonly view: ViewSource; readonly query: ExtractQuery; readonly body?: DirectBody }
  | { readonly do: 'export'; readonly view: ViewSource }
  /** Gives a JSON array of Change. */
  | { readonly do: 'changes'; readonly of: Differing }
  /** Gives a gzip-compressed layer. */
  | { readonly do: 'layer'; readonly from: LayerSource }
  | CopyJob;

/** Of a layer, uncompressed. */
export interface PackedLayer {
  /** "sha256:…" */
  readonly diffId: string;
  readonly size: number;
  /** Nothing differs. */
  readonly isEmpty: boolean;
}

export type ToThread =
  | { readonly type: 'job'; readonly job: Job }
  /** Of the archive that the job takes. */
  | { readonly type: 'piece'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  /** Where what the job gives is to go: to messages, or to a socket that is this thread's until the job is over. */
  | { readonly type: 'outlet'; readonly socket: number | undefined }
  /** So many bytes of what the job gives were taken in. */
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'abort' };

export type FromThread =
  /** The job can be done as asked; what it gives follows. */
  | { readonly type: 'begun'; readonly stat: PathStat | undefined }
  | { readonly type: 'piece'; readonly bytes: Uint8Array }
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'done'; readonly layer: PackedLayer | undefined }
  | { readonly type: 'failed'; readonly failure: Failure; readonly isLost: boolean };

/** Bytes on their way, in either direction, before whoever sends them waits. */
export const WINDOW = 4 * 1024 * 1024;

/** An error; its class does not survive the way between threads. */
export interface Failure {
  readonly message: string;
  readonly file: FileErrorCode | undefined;
  readonly image: ImageErrorCode | undefined;
  readonly connection: ConnectionFault | undefined;
  /** Of errno, such as "EIO". */
  readonly code: string | undefined;
}
