/** Where a container's files are, as a thread is told that opens them. All of it crosses the border between threads as it is. */
import type { IdMaps } from '../../images/pack/id-maps.ts';
import type { MountSource } from '../../runtime/plan/target.ts';

/** A bind of the spec that is seen also while the container does not run. */
export interface ViewedMount {
  readonly destination: string;
  readonly source: string;
  readonly recursive: boolean;
  readonly readonly: boolean;
  /** Where it is made of more than a path. */
  readonly made?: MountSource;
}

/** What is written to the container's root, beside what it was made of. Paths are absolute, on the host. */
export interface Upper {
  readonly upper: string;
  readonly work: string;
}

export type ViewSource = { readonly ids: IdMaps } & (
  | {
      readonly is: 'running';
      readonly pid: number;
      /** Field 22 of /proc/PID/stat. */
      readonly processStarted: number;
      /** It has a mount namespace of its own, whose root is its root. */
      readonly ownMounts: boolean;
      readonly name: string;
    }
  | {
      readonly is: 'stopped';
      /** The topmost first; without the upper layer. */
      readonly lower: readonly string[];
      /** Absent: nothing was written that is still there, or there is no place for it. */
      readonly writes?: Upper;
      /** Marks of the overlay are user.overlay.*, as a user namespace can write them. */
      readonly userxattr: boolean;
      readonly mounts: readonly ViewedMount[];
      /** Where mounts are that are there only while it runs. */
      readonly absent: readonly string[];
      /** A directory to attach the root at, in a mount namespace of the thread's own. */
      readonly mountPoint: string;
    }
  | {
      /** The directory itself. */
      readonly is: 'directory';
      readonly path: string;
      readonly mounts: readonly ViewedMount[];
      readonly absent: readonly string[];
      readonly mountPoint: string;
    }
);
