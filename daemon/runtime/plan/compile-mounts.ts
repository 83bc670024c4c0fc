/** `mounts`: in the order of the spec, each as a bind, a view of the control groups, or a new file system. */
import type { HostFacts } from '../host-facts.ts';
import { SpecError } from '../spec/error.ts';
import type { Linux, Mount, Spec } from '../spec/types.ts';
import { isBind } from '../spec/validate-mounts.ts';
import { compileBind, type BindContext } from './compile-binds.ts';
import { compileCgroupMount } from './compile-cgroup-mount.ts';
import { mountContext } from './compile-labels.ts';
import type { Namespaces } from './compile-namespaces.ts';
import { MOUNT_ATTR } from './kernel.ts';
import { newMountAttributes, parseMountOptions, type MountOptions } from './mount-options.ts';
import { MOUNT_COPY_UP, type Operation } from './operations.ts';
import type { StartTarget } from './target.ts';
import type { Trees } from './trees.ts';

/**
 * What may lie over a part of /proc: files that tell numbers, as tools like lxcfs replace them. Over anything else
 * below it, writes that the runtime makes could be led astray (CVE-2019-16884, CVE-2025-52881).
 */
const OVER_PROC: ReadonlySet<string> = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/slabinfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/uptime',
  '/proc/net/dev',
  '/proc/sys/crypto/fips_enabled',
  '/proc/sys/kernel/ns_last_pid',
]);

/** On a block device or a server: read-only has to be said to the file system too, or it is opened for writing. */
const VIRTUAL: ReadonlySet<string> = new Set([
  'binfmt_misc',
  'bpf',
  'cgroup2',
  'configfs',
  'debugfs',
  'devpts',
  'devtmpfs',
  'efivarfs',
  'fusectl',
  'hugetlbfs',
  'mqueue',
  'overlay',
  'proc',
  'pstore',
  'ramfs',
  'securityfs',
  'selinuxfs',
  'sysfs',
  'tmpfs',
  'tracefs',
]);

export interface MountContext {
  readonly target: StartTarget;
  readonly namespaces: Namespaces;
  /** Directories of the container's control groups on the host. */
  readonly groups: ReadonlySet<string>;
  /** The trees that the root is made of come first. */
  readonly trees: Trees;
}

export interface CompiledMounts {
  /** One list for each mount of the spec. */
  readonly mounts: readonly (readonly Operation[])[];
}

function checkProc(mount: Mount, field: string): void {
  const { destination } = mount;
  const over = destination === '/proc' || destination.startsWith('/proc/');
  if (!over || OVER_PROC.has(destination)) return;
  if (destination === '/proc' && (mount.type === 'proc' || (isBind(mount) && mount.source === '/proc'))) return;
  if (destination === '/proc/sys/fs/binfmt_misc' && mount.type === 'binfmt_misc') return;
  throw new SpecError(`${field}.destination`, `nothing but proc may be mounted at ${destination}`);
}

/** Attributes of what is mounted there already; those that are not named stay as they are. */
function remount({ destination: target }: Mount, options: MountOptions, field: string): Operation[] {
  const [other] = options.data;
  if (other !== undefined || options.copyUp) {
    throw new SpecError(`${field}.options`, `"${other ?? 'tmpcopyup'}" cannot be changed by a remount`, 'unsupported');
  }
  const { top, tree, propagation } = options;
  const operations: Operation[] = [];
  if (tree.set !== 0 || tree.clear !== 0) {
    operations.push({ op: 'mount_attributes', target, ...tree, recursive: 1, propagation: 0 });
  }
  return [...operations, { op: 'mount_attributes', target, ...top, recursive: 0, propagation }];
}

/** What the file system itself is told. */
function fileSystemOptions(
  type: string,
  options: MountOptions,
  readonly: boolean,
  context: string | undefined,
): string[] {
  const isLabelled = context === undefined || options.data.some((option) => option.startsWith('context='));
  return [...options.data, ...(readonly && !VIRTUAL.has(type) ? ['ro'] : []), ...(isLabelled ? [] : [context])];
}

interface FreshMount {
  readonly mount: Mount;
  readonly type: string;
  readonly options: MountOptions;
  readonly readonly: boolean;
  readonly context: string | undefined;
}

function fresh({ mount, type, options, readonly: forced, context }: FreshMount): Operation[] {
  const wanted = newMountAttributes(options) | (forced ? MOUNT_ATTR.RDONLY : 0);
  const readonly = (wanted & MOUNT_ATTR.RDONLY) !== 0;
  // Things are still made in these: devices in /dev, the copies in a tmpfs.
  const later = readonly && (options.copyUp || mount.destination === '/dev');
  const target = mount.destination;
  const operations: Operation[] = [
    {
      op: 'mount',
      type,
      source: mount.source === undefined || mount.source === '' ? type : mount.source,
      target,
      options: fileSystemOptions(type, options, readonly, context),
      attributes: later ? wanted & ~MOUNT_ATTR.RDONLY : wanted,
      flags: options.copyUp ? MOUNT_COPY_UP : 0,
    },
  ];
  if (later && target !== '/dev') {
    operations.push({ op: 'mount_attributes', target, set: MOUNT_ATTR.RDONLY, clear: 0, recursive: 0, propagation: 0 });
  }
  if (options.propagation !== 0) {
    const { propagation } = options;
    operations.push({ op: 'mount_attributes', target, set: 0, clear: 0, recursive: 0, propagation });
  }
  return operations;
}

/**
 * The kernel mounts sysfs for who owns the network namespace, sysfs_init_fs_context(). A user namespace on the host's
 * network gets the host's view of it, as crun does; it tells nothing that the network itself would not.
 */
function hostSysfs(mount: Mount, options: MountOptions): Operation[] {
  const set = newMountAttributes(options);
  const { destination: target } = mount;
  return [
    {
      op: 'bind',
      source: '/sys',
      target,
      recursive: 1,
      set: 0,
      clear: 0,
      set_all: set,
      clear_all: 0,
      propagation: options.propagation,
      tree: -1,
    },
  ];
}

function checkFresh(type: string, options: MountOptions, field: string): void {
  if (options.copyUp && type !== 'tmpfs') {
    throw new SpecError(`${field}.options`, '"tmpcopyup" is an option of a tmpfs');
  }
}

interface Parts extends MountContext, BindContext {
  readonly linux: Linux | undefined;
  readonly host: HostFacts;
}

function compileMount(mount: Mount, parts: Parts, index: number): Operation[] {
  const { target, namespaces, groups } = parts;
  const field = `mounts[${String(index)}]`;
  checkProc(mount, field);
  const options = parseMountOptions(mount.options ?? []);
  if (options.remount) return remount(mount, options, field);
  if (isBind(mount)) return compileBind({ mount, options, index, field }, parts);
  const type = mount.type ?? '';
  const own = namespaces.fresh.has('cgroup');
  if (type === 'cgroup') {
    const { cgroups, cgroupPath: path } = target;
    const { user } = namespaces;
    return compileCgroupMount({ mount, options, host: cgroups, path, groups, own, user, field });
  }
  checkFresh(type, options, field);
  const onHostNetwork = !namespaces.fresh.has('network') && !namespaces.joined.has('network');
  if (type === 'sysfs' && namespaces.user && onHostNetwork) return hostSysfs(mount, options);
  const context = mountContext(parts.linux, type, parts.host);
  return fresh({ mount, type, options, readonly: type === 'cgroup2' && !own, context });
}

/** True for a view of the control groups: init has to be in its own before it is made. */
export function showsCgroups(mount: Mount): boolean {
  return !isBind(mount) && (mount.type === 'cgroup' || mount.type === 'cgroup2');
}

/** @throws SpecError for what cannot be mounted, or not there */
export function compileMounts(spec: Spec, context: MountContext): CompiledMounts {
  const { host, bundle, idMaps = new Map<number, string>(), sources = [] } = context.target;
  const parts: Parts = { ...context, linux: spec.linux, host, bundle, idMaps, sources, spec };
  const mounts = (spec.mounts ?? []).map((mount, index) => compileMount(mount, parts, index));
  return { mounts };
}
