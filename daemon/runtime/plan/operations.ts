/**
 * The launch plan's operations: the one table from which the TypeScript encoder (encode.ts) and the C
 * header (build/shim/plan_ops.h, written by scripts/generate-plan-header.ts) both come.
 *
 * A plan is a flat, ordered list. Each operation is executed by the process of its `room`:
 *
 * - `shim`: by the shim, as root on the host. Those before `clone` are done before there is a child; those
 *   after it (the *settle* part) while init is already at work. Init waits for them at `await_settled`.
 * - `init`: by the child, in the order of the plan, up to `exec`.
 *
 * Fields named `path`, `target` are paths *inside the container's root*: resolved by descriptor with
 * openat2(RESOLVE_IN_ROOT), never as strings. Fields named `host`, `source`, `lower`, `upper`, `work`, `at`
 * are absolute paths on the host, opened before the root is entered.
 *
 * Add at the end of a block, with a new code; change a field and PLAN_VERSION changes too.
 */
import type { Fields, ValuesOf } from '../../../shared/wire/fields.ts';

export const PLAN_MAGIC = 0x4e_4c_50_54; // "TPLN"
export const PLAN_VERSION = 3;

/** Bits of `mount.flags`. */
export const MOUNT_COPY_UP = 1;
/** What `connect.purpose` may be: who is sent a descriptor. */
export const CONNECT_PURPOSES = { console: 0, seccomp_listener: 1 } as const;
/** What `device.kind` may be: the letters of mknod(1), as their character codes. */
export const DEVICE_KINDS = { c: 0x63, b: 0x62, p: 0x70 } as const;

export type Room = 'shim' | 'init';

interface Shape {
  readonly code: number;
  readonly room: Room;
  readonly fields: Fields;
}

/** The code of those that are one system call, and go to the C program as such: calls.ts. */
const CALL = 95;

export const OPERATIONS = {
  // -- shim, before or after `clone` -------------------------------------------------------------------
  /**
   * mkdir -p of a control group (or resctrl's) on the host. The groups that did not exist before are removed, deepest
   * first, after the end; where `keep` is 1 they are not, for others may have come to share them.
   */
  cgroup_make: { code: 1, room: 'shim', fields: { host: 'str', keep: 'u64' } },
  /** Writes `value` to the file `host` (one write(2)); of a control group or of another kernel file system. */
  cgroup_write: { code: 2, room: 'shim', fields: { host: 'str', value: 'str' } },
  /** v1 and joining late: writes the child's pid to `host`/cgroup.procs. Only after `clone`. */
  cgroup_join: { code: 3, room: 'shim', fields: { host: 'str' } },
  /** v2: the child is born in the group (CLONE_INTO_CGROUP). Only before `clone`. */
  cgroup_into: { code: 4, room: 'shim', fields: { host: 'str' } },
  /** v2: loads the BPF_PROG_TYPE_CGROUP_DEVICE program and attaches it to the group. `program`: struct bpf_insn[]. */
  cgroup_devices: { code: 5, room: 'shim', fields: { host: 'str', program: 'bytes' } },
  /**
   * The child is born in the namespace at `host`, whose type must be the one CLONE_NEW* flag `type`: any but the mount
   * namespace's. An intermediate process enters them in the order of the plan, that of the user last, with the rights of
   * the host's root, and clones (CLONE_PARENT); where it is the pid namespace alone, the shim itself. Only before `clone`,
   * whose flags then lack `type`. Once a type.
   */
  birth_namespace: { code: 6, room: 'shim', fields: { type: 'u64', host: 'str' } },
  /**
   * The child is born into the pid namespace of the container's init (exec), where others may see it: so it is born into what
   * `join_init` names as well, but the namespaces of user and control groups. Only before `clone`.
   */
  pid_namespace_of_init: { code: 7, room: 'shim', fields: {} },
  /** clone3 with these CLONE_NEW* flags (and CLONE_PIDFD, and CLONE_INTO_CGROUP after `cgroup_into`). Exactly one. */
  clone: { code: 8, room: 'shim', fields: { flags: 'u64' } },
  /** Writes /proc/PID/uid_map; lines as in user_namespaces(7). Only after `clone`. */
  uid_map: { code: 9, room: 'shim', fields: { map: 'str' } },
  /** Writes /proc/PID/gid_map, after "deny" to setgroups where `deny_setgroups` is 1. Only after `clone`. */
  gid_map: { code: 10, room: 'shim', fields: { map: 'str', deny_setgroups: 'u64' } },
  /** Writes /proc/PID/oom_score_adj as host root (lowering needs CAP_SYS_RESOURCE). Only after `clone`. */
  oom_score_adj: { code: 11, room: 'shim', fields: { value: 'str' } },
  /** Connects to the unix stream socket at `host`; init inherits the connection. `purpose`: CONNECT_PURPOSES. Only before `clone`. */
  connect: { code: 12, room: 'shim', fields: { purpose: 'u64', host: 'str' } },
  /** Opens the named pipes that `await_start` waits at and answers on; init inherits them. Only before `clone`. */
  start_pipe: { code: 13, room: 'shim', fields: { start: 'str', result: 'str' } },
  /** The container's init is this process, no child of the shim's (tare-oci exec); ESRCH where the start time (field 22 of its stat) is another. Only before `clone`. */
  container_init: { code: 14, room: 'shim', fields: { pid: 'u64', start_time: 'u64' } },
  /**
   * A detached clone of the tree at `source`, id-mapped (MOUNT_ATTR_IDMAP) by the user namespace at that path ("": not at
   * all, a peer of the host's mount where that is shared), `map_all` 1: with all mounts below it. `below`, unless "": what
   * this path leads to inside the directory `source`, which no link leaves. Init inherits it: `bind.tree` counts these and
   * `overlay_tree` from 0. Only before `clone`, for it takes the rights of the host's root.
   */
  bind_tree: {
    code: 15,
    room: 'shim',
    fields: { source: 'str', recursive: 'u64', user_namespace: 'str', map_all: 'u64', below: 'str' },
  },
  /** v2: the directory of a group, or a file in it, becomes this user's of the host; its group stays. A file that is not there is passed over. */
  cgroup_own: { code: 16, room: 'shim', fields: { host: 'str', uid: 'u64' } },
  /** A detached overlay of `lower` (topmost first), read-only where `upper` and `work` are ""; for `bind.tree` and `root_tree`. Only before `clone`: trusted.overlay.* is for the host's root alone. */
  overlay_tree: { code: 17, room: 'shim', fields: { lower: 'strs', upper: 'str', work: 'str', volatile: 'u64' } },
  /**
   * A detached clone of the tmpfs mounted at `path` in the mount namespace at `namespace`, where no link leads to it; for
   * `bind.tree`, which counts these too. Only before `clone`: a namespace lets clone its own mounts only, and the shim enters it.
   */
  joined_tree: { code: 18, room: 'shim', fields: { namespace: 'str', path: 'str' } },

  // -- init: namespaces --------------------------------------------------------------------------------
  /** Waits until every shim operation after `clone` is done. */
  await_settled: { code: 32, room: 'init', fields: {} },
  /** Reports *created* and waits for *go*. May stand several times: hooks are run at some of these stops. */
  await_go: { code: 33, room: 'init', fields: {} },
  /** setns(2) to the namespace at `host`, whose type must be the one CLONE_NEW* flag `type`. */
  namespace_join: { code: 34, room: 'init', fields: { type: 'u64', host: 'str' } },
  /** exec: setns(2) by the pidfd of the container's init to all namespaces in `flags`; not dumpable until the credentials are final. */
  join_init: { code: 35, room: 'init', fields: { flags: 'u64' } },
  /** setgroups([]), setresgid(0), setresuid(0): root of the user namespace just made or joined. */
  become_root: { code: 36, room: 'init', fields: {} },
  /** unshare(CLONE_NEWTIME), `offsets` to /proc/self/timens_offsets, then entering it; time_namespaces(7). */
  time_namespace: { code: 37, room: 'init', fields: { offsets: 'str' } },
  /** unshare(CLONE_NEWCGROUP) once init is in its group (after `await_settled` on v1). */
  cgroup_namespace: { code: CALL, room: 'init', fields: {} },
  /** Brings `lo` up in the network namespace. */
  loopback_up: { code: 39, room: 'init', fields: {} },
  /** Init is not killed when its shim ends (tare-oci, whose shim ends with its command). First of init's. */
  outlive_shim: { code: 40, room: 'init', fields: {} },
  /** The user's program inherits descriptors 3 to 2 + `count`. */
  preserve_descriptors: { code: 41, room: 'init', fields: { count: 'u64' } },
  /**
   * Reports *created*, then waits for a byte in the pipe `start_pipe.start`; from there on a failure goes to
   * `start_pipe.result` as the text "OPERATION ERRNO STEP\nPATH", and its end without one says that execve succeeded.
   * read(2) and write(2) only, for the container's seccomp filter may be in force.
   */
  await_start: { code: 42, room: 'init', fields: {} },

  // -- init: mounts ------------------------------------------------------------------------------------
  /** mount(NULL, "/", propagation): `flags` of MS_PRIVATE|MS_SLAVE|MS_SHARED|MS_UNBINDABLE, and MS_REC. */
  root_propagation: { code: CALL, room: 'init', fields: { flags: 'u64' } },
  /** Overlay of `lower` (topmost first) with an upper and work directory on disk, made if missing; attached at `at`. `volatile` 1: no sync. */
  root_overlay: {
    code: 49,
    room: 'init',
    fields: { lower: 'strs', upper: 'str', work: 'str', volatile: 'u64', userxattr: 'u64', at: 'str' },
  },
  /** The same with upper and work on a tmpfs of `size` bytes (0: the kernel's default) that only this container has. */
  root_overlay_tmpfs: { code: 50, room: 'init', fields: { lower: 'strs', size: 'u64', userxattr: 'u64', at: 'str' } },
  /** The directory `source` itself, by a recursive bind, attached at `at` (which may be `source`). */
  root_bind: { code: 51, room: 'init', fields: { source: 'str', at: 'str' } },
  /**
   * A new file system by fsopen(2): `options` as "key=value" or "key"; `attributes` are MOUNT_ATTR_*.
   * The target directory is made if missing. A tmpfs without "mode=" has the mode of a target that is there. `flags`:
   * MOUNT_COPY_UP copies what the target holds into the new (tmpfs) one, with its mode and owner where the options give none.
   */
  mount: {
    code: 52,
    room: 'init',
    fields: { type: 'str', source: 'str', target: 'str', options: 'strs', attributes: 'u64', flags: 'u64' },
  },
  /**
   * A bind by open_tree(2) of a host path. `recursive` 1: with what is mounted under it. `set` and `clear` are
   * MOUNT_ATTR_* for the top mount, `set_all` and `clear_all` for it and all below. `propagation` MS_* or 0.
   * `tree`: which `bind_tree` is attached, -1 for a clone of `source` made here.
   * The target is made if missing: a directory for a directory, an empty file for all else.
   */
  bind: {
    code: 53,
    room: 'init',
    fields: {
      source: 'str',
      target: 'str',
      recursive: 'u64',
      set: 'u64',
      clear: 'u64',
      set_all: 'u64',
      clear_all: 'u64',
      propagation: 'u64',
      tree: 'i64',
    },
  },
  /** mount_setattr(2) on the mount at `target` ("/" is the root). */
  mount_attributes: {
    code: 54,
    room: 'init',
    fields: { target: 'str', set: 'u64', clear: 'u64', recursive: 'u64', propagation: 'u64' },
  },
  /** mkdir -p, then mode and owner of the last component where it was made. */
  directory: { code: 55, room: 'init', fields: { path: 'str', mode: 'u64', uid: 'u64', gid: 'u64' } },
  /** symlink(2); what already stands at `path` stays if it is the same link, else EEXIST. */
  symlink: { code: 56, room: 'init', fields: { path: 'str', to: 'str' } },
  /** mknod(2), mode regardless of umask, and owner. What stands there is replaced unless it is that device already. `kind`: DEVICE_KINDS. */
  device: {
    code: 57,
    room: 'init',
    fields: { path: 'str', kind: 'u64', major: 'u64', minor: 'u64', mode: 'u64', uid: 'u64', gid: 'u64' },
  },
  /** Where mknod is not allowed (user namespace): bind of the host's device after its numbers were verified. */
  device_bind: {
    code: 58,
    room: 'init',
    fields: { path: 'str', source: 'str', kind: 'u64', major: 'u64', minor: 'u64' },
  },
  /** Hides: /dev/null (verified 1:3) over a file, an empty read-only tmpfs over a directory. A missing path is fine. */
  masked: { code: 59, room: 'init', fields: { path: 'str' } },
  /** A recursive bind of the path on itself, read-only. A missing path is fine. */
  readonly: { code: 60, room: 'init', fields: { path: 'str' } },
  /** Opens a PTY in the container's own devpts (verified), hands its master to the shim; `console` 1 binds the slave on /dev/console. */
  terminal: { code: 61, room: 'init', fields: { rows: 'u64', columns: 'u64', console: 'u64' } },
  /** pivot_root(".", ".") into the root and lets go of the old one. */
  pivot_root: { code: 62, room: 'init', fields: {} },
  /** Where pivot_root cannot work (initramfs): mount --move of the root onto "/", then chroot. */
  move_root: { code: 63, room: 'init', fields: {} },
  /** The mount that holds the host path `at` becomes private: where mounts are shared with the host, ours are not to be. Before `become_root`, which may not be allowed to look there. */
  private_parent: { code: 64, room: 'init', fields: { at: 'str' } },
  /** The directory `source` itself is the root, nothing is mounted: for a container without a mount namespace of its own. */
  root_directory: { code: 65, room: 'init', fields: { source: 'str' } },
  /** chroot(2) into the root; the end of a start that has no mount namespace of its own. */
  change_root: { code: 66, room: 'init', fields: {} },
  /** The `overlay_tree` of this number as the root, attached at `at`. */
  root_tree: { code: 67, room: 'init', fields: { tree: 'i64', at: 'str' } },
  /**
   * A regular file that was not there before, with its content, mode and owner. `apart` 1: on a tmpfs of its own, of which
   * nothing but this file is seen, bound read-only at `path` (an empty file, made if missing).
   */
  file: {
    code: 68,
    room: 'init',
    fields: { path: 'str', content: 'bytes', mode: 'u64', uid: 'u64', gid: 'u64', apart: 'u64' },
  },

  // -- init: the process -------------------------------------------------------------------------------
  /** /proc/sys/`key` (slashes, not dots) through a descriptor verified to be procfs. */
  sysctl: { code: 80, room: 'init', fields: { key: 'str', value: 'str' } },
  hostname: { code: CALL, room: 'init', fields: { name: 'str' } },
  domainname: { code: CALL, room: 'init', fields: { name: 'str' } },
  /** prlimit(2); `resource` is RLIMIT_*; RLIM_INFINITY is 2^64-1. */
  rlimit: { code: CALL, room: 'init', fields: { resource: 'u64', soft: 'u64', hard: 'u64' } },
  /** A new session keyring, keyctl(2) KEYCTL_JOIN_SESSION_KEYRING. */
  keyring: { code: CALL, room: 'init', fields: { name: 'str' } },
  umask: { code: CALL, room: 'init', fields: { mask: 'u64' } },
  /** Bounding set reduced, capabilities kept over the change of user: PR_CAPBSET_DROP, PR_SET_KEEPCAPS. Before `user`. */
  bounding_set: { code: 86, room: 'init', fields: { capabilities: 'u64' } },
  /** setgroups, setresgid, setresuid. */
  user: { code: 87, room: 'init', fields: { uid: 'u64', gid: 'u64', groups: 'u64s' } },
  /** capset(2) and PR_CAP_AMBIENT; bit N is capability N. After `user`. */
  capabilities: {
    code: 88,
    room: 'init',
    fields: { effective: 'u64', permitted: 'u64', inheritable: 'u64', ambient: 'u64' },
  },
  no_new_privs: { code: CALL, room: 'init', fields: {} },
  /** seccomp(SECCOMP_SET_MODE_FILTER); `filter`: struct sock_filter[]; `flags`: SECCOMP_FILTER_FLAG_*. */
  seccomp: { code: 90, room: 'init', fields: { filter: 'bytes', flags: 'u64' } },
  /** chdir, then proof that the directory is inside the root. `create` 1: made if missing. */
  working_directory: { code: 91, room: 'init', fields: { path: 'str', create: 'u64' } },
  environment: { code: 92, room: 'init', fields: { variables: 'strs' } },
  /**
   * Init forks, and stays as the container's process 1: it passes signals on to its child, reaps orphans, and ends with the
   * child's exit code, 128+signal where one ended it. The child, in a process group of its own, which is the foreground
   * one of its terminal, goes on with the plan. Right before `exec`.
   */
  reaper: { code: 98, room: 'init', fields: {} },
  /** Closes all but stdio and what is preserved, and execve(2)s `file`, "" for argv[0]; without a slash it is looked up in the environment's PATH. Last. */
  exec: { code: 93, room: 'init', fields: { file: 'str', argv: 'strs' } },
  /** Writes `value` to /proc/self/attr/`file` ("apparmor/exec", "exec") through a descriptor verified to be procfs. */
  label: { code: 94, room: 'init', fields: { file: 'str', value: 'str' } },
  /**
   * syscall(2) by its number on this architecture; a result below 0 is a failure whose step is `name`. At most six
   * `arguments`; that of index `buffer_argument` (-1: none) is the address of `buffer`. `tolerated`: an errno that is no
   * failure, or 0. For what only sets a property of the process. Operations of the same code are written as this one.
   */
  system_call: {
    code: CALL,
    room: 'init',
    fields: {
      name: 'str',
      number: 'u64',
      arguments: 'u64s',
      buffer_argument: 'i64',
      buffer: 'bytes',
      tolerated: 'u64',
    },
  },
  /**
   * `seccomp` with SECCOMP_FILTER_FLAG_NEW_LISTENER among its flags; the listener is sent over the connection of purpose
   * `seccomp_listener`, with the text that the parts of `state` make when init's pid on the host is put between each two.
   */
  seccomp_notify: { code: 96, room: 'init', fields: { filter: 'bytes', flags: 'u64', state: 'strs' } },
  /** Fails as `exec` of `file` would where that is not found or may not be executed; after `environment`. Other errors are exec's to tell. */
  find_executable: { code: 97, room: 'init', fields: { file: 'str' } },
} as const satisfies Record<string, Shape>;

export type OperationName = keyof typeof OPERATIONS;

export type OperationValues<N extends OperationName> = ValuesOf<(typeof OPERATIONS)[N]['fields']>;

/** One operation with its values: `{ op: 'hostname', name: 'web' }`. */
export type Operation = { [N in OperationName]: { readonly op: N } & Readonly<OperationValues<N>> }[OperationName];

export type Plan = readonly Operation[];
