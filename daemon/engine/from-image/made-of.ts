/** What a container is made of, as its document `root` has it: the root, and what else the image has said. */
import type { Healthcheck } from '../../images/manifest/image-config.ts';
import type { MountSource, RootSource } from '../../runtime/plan/target.ts';

export interface MadeBeside {
  /** Of binds whose source is more than a path. */
  readonly sources?: readonly MountSource[];
  /** Volumes that are not filled with what the image has there, by where they are mounted. */
  readonly noCopy?: readonly string[];
  /** Absent: it is of a directory or a bundle. */
  readonly image?: {
    /** "80/tcp" */
    readonly exposedPorts: readonly string[];
    readonly healthcheck?: Healthcheck;
  };
}

export type MadeOf = RootSource & MadeBeside;
