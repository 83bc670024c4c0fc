/** What a thread is told of a COPY or ADD. All of it crosses the border between threads as it is. */
import type { ViewSource } from '../../files/view-source.ts';

export interface CopySource {
  readonly view: ViewSource;
  /** Below the root of the view, as they are written; with wildcards. */
  readonly paths: readonly string[];
  /** Below the root of the view: files that are not there for any build. */
  readonly hidden: readonly string[];
  /** Archives of it become what is in them. */
  readonly unpacks: boolean;
}

export interface CopyTarget {
  readonly view: ViewSource;
  /** Absolute. */
  readonly path: string;
  /** It was written with a slash at its end. */
  readonly isDirectory: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** In place of the modes of what is copied. */
  readonly mode: number | undefined;
}

/** What is to be copied, told before anything is. */
export interface CopyDigest {
  /** 64 hexadecimal digits: of names, kinds, modes, contents; not of times and owners. */
  readonly digest: string;
  readonly kind: 'file' | 'dir' | 'multi';
}

export type CopyJob =
  /** Takes a tar archive, plain, gzip or zstd, into an empty directory; gives the ReadDockerfile in it as JSON. */
  | { readonly do: 'build-context'; readonly directory: string; readonly dockerfile: string }
  /** Gives a CopyDigest as JSON. */
  | { readonly do: 'copy-digest'; readonly from: CopySource }
  | { readonly do: 'copy-files'; readonly from: CopySource; readonly to: CopyTarget }
  /** A directory with those on its way, where they are missing: 0755, root's. */
  | { readonly do: 'make-directory'; readonly view: ViewSource; readonly path: string };
