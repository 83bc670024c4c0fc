/** What a plan is compiled for: everything that is not in the spec but decided by who runs it (daemon or tare-oci). */
import type { CgroupHost } from '../cgroups/host.ts';
import type { HostFacts } from '../host-facts.ts';
import type { SeccompCache } from '../seccomp/cache.ts';

/** How the root file system is made. Paths are absolute, on the host. */
export type RootSource =
  | {
      readonly kind: 'overlay-disk';
      readonly lower: readonly string[];
      readonly upper: string;
      readonly work: string;
      readonly volatile: boolean;
    }
  | { readonly kind: 'overlay-tmpfs'; readonly lower: readonly string[]; readonly size: number }
  /** The directory itself (bundle, "rw"); read-only where the spec's root.readonly says so. */
  | { readonly kind: 'bind'; readonly source: string };

/**
 * What a bind of the spec is made of, where that is more than the path in it. Meant is the one with this destination and
 * source. Paths are absolute, on the host.
 */
export type MountSource = { readonly destination: string; readonly source: string } & (
  | {
      /** What `path` leads to inside `directory`, and nowhere else: looked up when it is mounted. */
      readonly kind: 'below';
      readonly directory: string;
      readonly path: string;
    }
  | {
      /** An overlay: the topmost first; what is written goes to `upper`, which is made where it is missing. */
      readonly kind: 'layers';
      readonly lower: readonly string[];
      readonly writable?: { readonly upper: string; readonly work: string };
    }
  | {
      /** The tmpfs at `path` in the mount namespace at `namespace`, which another container lives in. */
      readonly kind: 'joined';
      readonly namespace: string;
      readonly path: string;
    }
);

/** A file that the plan brings with it. */
export interface Secret {
  /** Absolute, in the container. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
  /** As the container sees them. */
  readonly uid: number;
  readonly gid: number;
}

/** The two pipes of `tare-oci start`: it writes one byte into `start` and reads `result` to its end. Absolute paths. */
export interface StartPipe {
  readonly start: string;
  readonly result: string;
}

/**
 * Where init reports *created* and waits for *go* before the one that `awaitGo` asks for: with everything mounted and the
 * host's root not yet left, config.md#posix-platform-hooks. First `runtime`, then `container`.
 */
export interface Stops {
  /** For prestart and createRuntime hooks, and for network devices to be moved. */
  readonly runtime: boolean;
  /** For createContainer hooks. */
  readonly container: boolean;
}

/** What both kinds of plans need to know of who runs them. */
interface Launcher {
  readonly cgroups: CgroupHost;
  readonly host: HostFacts;
  /** Filters compiled before (createSeccompCache): saves most of the compilation's time. Absent: compiled anew. */
  readonly seccomp?: SeccompCache;
  /** The unix stream socket that is sent the master of the terminal, in place of the shim. Absolute path. */
  readonly consoleSocket?: string;
  /** The user's program inherits this many descriptors from 3 on; 0 where absent. */
  readonly preserveDescriptors?: number;
}

export interface StartTarget extends Launcher {
  readonly root: RootSource;
  /** Of binds whose source is more than a path. */
  readonly sources?: readonly MountSource[];
  /** Mounted after everything else, see compile-secrets.ts. */
  readonly secrets?: readonly Secret[];
  /** The working directory is made where it is missing: 0755, root's. */
  readonly makeWorkingDirectory?: boolean;
  /** The directory on the host where the root is attached before pivot_root (in init's own mount namespace). */
  readonly mountPoint: string;
  /** Absolute path inside every hierarchy, such as "/tare-1a2b/<id>". */
  readonly cgroupPath: string;
  /** Relative bind sources are relative to this (the bundle). */
  readonly bundle: string;
  /** Process 1 is a small init of ours, and the program its child. */
  readonly reaper?: boolean;
  /** Block on *go* when all is done but the start (the daemon's create). Not together with `startPipe`. */
  readonly awaitGo: boolean;
  /** Block on these pipes when all is done but the start (tare-oci create). Init then outlives its shim. */
  readonly startPipe?: StartPipe;
  /** Stops besides those that the spec makes necessary: stopsOf(spec), stops.ts. */
  readonly stops?: Stops;
  readonly noPivot: boolean;
  /**
   * A container without a mount namespace of its own has its mounts made in that of the caller, who takes them away again
   * afterwards. Absent or false: refused, nothing is mounted on the host.
   */
  readonly hostMounts?: boolean;
  readonly newKeyring: boolean;
  /** The container's: name of its session keyring, of its resctrl group, told to seccomp listeners. */
  readonly id: string;
  /** The user namespace of each id-mapped mount: its index in `mounts` → absolute path. For all that idMapsNeeded(spec) names. */
  readonly idMaps?: ReadonlyMap<number, string>;
}

/** The container that an exec enters, as a seccomp listener is told of it. */
export interface RunningContainer {
  readonly id: string;
  readonly bundle: string;
  /** Of its init, on the host. */
  readonly pid: number;
}

/** A process that is no child of the shim; `startTime` is field 22 of /proc/PID/stat, proc_pid_stat(5). */
export interface ForeignInit {
  readonly pid: number;
  readonly startTime: number | bigint;
}

export interface ExecTarget extends Launcher {
  /** CLONE_NEW* flags of the namespaces that init has for itself, and an exec joins. */
  readonly namespaces: number;
  readonly userNamespace: boolean;
  readonly cgroupPath: string;
  readonly container: RunningContainer;
  /** Name of the session keyring that init was given, `_ses.<id>`; absent where it has none of its own. */
  readonly keyring?: string;
  /** The container's init where it is no child of this shim (tare-oci). Absent: the shim's own. */
  readonly containerInit?: ForeignInit;
  /** The process goes on when its shim ends (a detached exec of tare-oci). */
  readonly outliveShim?: boolean;
}
