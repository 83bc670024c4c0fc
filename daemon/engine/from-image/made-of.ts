/** What a container is made of, as its document `root` has it: the root, and what else its plan or the image says. */
import type { MountSource, RootSource } from '../../runtime/plan/target.ts';
import type { Joins } from '../modes/modes.ts';
import type { KeptSecret } from '../secrets/secrets.ts';

export interface MadeBeside {
  /** Its process 1 is a small init of ours. */
  readonly init?: true;
  /** Of binds whose source is more than a path. */
  readonly sources?: readonly MountSource[];
  /** Volumes that are not filled with what the image has there, by where they are mounted. */
  readonly noCopy?: readonly string[];
  /** Whose namespaces are joined at each start, but for that of the network. */
  readonly joins?: Joins;
  /** What is secret in them is nowhere else. */
  readonly secrets?: readonly KeptSecret[];
  /** Absent: it is of a directory or a bundle. */
  readonly image?: {
    /** "80/tcp" */
    readonly exposedPorts: readonly string[];
    /** What commands of its health check are for; absent: /bin/sh -c. */
    readonly shell?: readonly string[];
  };
}

export type MadeOf = RootSource & MadeBeside;
