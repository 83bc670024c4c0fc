/** What a plan is compiled for: everything that is not in the spec but decided by who runs it (daemon or tare-oci). */
import type { CgroupHost } from '../cgroups/host.ts';
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

export interface StartTarget {
  readonly root: RootSource;
  /** The directory on the host where the root is attached before pivot_root (in init's own mount namespace). */
  readonly mountPoint: string;
  /** Absolute path inside every hierarchy, such as "/tare-1a2b/<id>". */
  readonly cgroupPath: string;
  readonly cgroups: CgroupHost;
  /** Relative bind sources are relative to this (the bundle). */
  readonly bundle: string;
  /** Block on *go* before execve (OCI create). */
  readonly awaitGo: boolean;
  readonly noPivot: boolean;
  readonly newKeyring: boolean;
  /** Name of the session keyring. */
  readonly id: string;
  /** Filters compiled before (createSeccompCache): saves most of the compilation's time. Absent: compiled anew. */
  readonly seccomp?: SeccompCache;
}

export interface ExecTarget {
  /** CLONE_NEW* flags of the namespaces that init has for itself, and an exec joins. */
  readonly namespaces: number;
  readonly userNamespace: boolean;
  readonly cgroupPath: string;
  readonly cgroups: CgroupHost;
  /** Name of the session keyring that init was given, `_ses.<id>`; absent where it has none of its own. */
  readonly keyring?: string;
  /** Filters compiled before (createSeccompCache): saves most of the compilation's time. Absent: compiled anew. */
  readonly seccomp?: SeccompCache;
}
