/** `mounts`: in the order of the spec, each as a bind, a view of the control groups, or a new file system. */
import { resolve } from 'node:path';
import { SpecError } from '../spec/error.ts';
import type { Mount, Spec } from '../spec/types.ts';
import { isBind } from '../spec/validate-mounts.ts';
import { compileCgroupMount } from './compile-cgroup-mount.ts';
import type { Namespaces } from './compile-namespaces.ts';
import { MOUNT_ATTR, MS } from './kernel.ts';
import { newMountAttributes, parseMountOptions, type MountOptions } from './mount-options.ts';
import { MOUNT_COPY_UP, type Operation } from './operations.ts';
import type { StartTarget } from './target.ts';

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
}

function checkProc(mount: Mount, field: string): void {
  const { destination } = mount;
  const over = destination === '/proc' || destination.startsWith('/proc/');
  if (!over || OVER_PROC.has(destination)) return;
  if (destination === '/proc' && (mount.type === 'proc' || (isBind(mount) && mount.source === '/proc'))) return;
  if (destination === '/proc/sys/fs/binfmt_misc' && mount.type === 'binfmt_misc') return;
  throw new SpecError(`${field}.destination`, `nothing but proc may be mounted at ${destination}`);
}

function bind(mount: Mount, options: MountOptions, bundle: string, field: string): Operation[] {
  const [unknown] = options.data;
  if (unknown !== undefined) throw new SpecError(`${field}.options`, `"${unknown}" is not an option of a bind mount`);
  if (options.copyUp) throw new SpecError(`${field}.options`, '"tmpcopyup" is an option of a tmpfs');
  if ((options.propagation & MS.SHARED) !== 0) {
    throw new SpecError(
      `${field}.options`,
      'mounts made in the container cannot be passed on to the host: "shared" and "rshared" are not supported on a bind',
      'unsupported',
    );
  }
  return [
    {
      op: 'bind',
      source: resolve(bundle, mount.source ?? ''),
      target: mount.destination,
      recursive: options.recursiveBind ? 1 : 0,
      set: options.top.set,
      clear: options.top.clear,
      set_all: options.tree.set,
      clear_all: options.tree.clear,
      propagation: options.propagation,
    },
  ];
}

function fresh(mount: Mount, type: string, options: MountOptions, forceReadonly: boolean): Operation[] {
  const wanted = newMountAttributes(options) | (forceReadonly ? MOUNT_ATTR.RDONLY : 0);
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
      options: readonly && !VIRTUAL.has(type) ? [...options.data, 'ro'] : options.data,
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

function checkFresh(type: string, options: MountOptions, namespaces: Namespaces, field: string): void {
  if (options.copyUp && type !== 'tmpfs')
    throw new SpecError(`${field}.options`, '"tmpcopyup" is an option of a tmpfs');
  if (type === 'sysfs' && namespaces.fresh.has('user') && !namespaces.fresh.has('network')) {
    throw new SpecError(
      `${field}.type`,
      'sysfs in a user namespace needs a network namespace of its own; bind /sys instead',
      'unsupported',
    );
  }
}

function compileMount(mount: Mount, context: MountContext, field: string): Operation[] {
  const { target, namespaces, groups } = context;
  checkProc(mount, field);
  const options = parseMountOptions(mount.options ?? []);
  if (isBind(mount)) return bind(mount, options, target.bundle, field);
  const type = mount.type ?? '';
  if (type === 'cgroup') {
    const own = namespaces.fresh.has('cgroup');
    return compileCgroupMount({ mount, options, host: target.cgroups, path: target.cgroupPath, groups, own, field });
  }
  checkFresh(type, options, namespaces, field);
  return fresh(mount, type, options, type === 'cgroup2' && !namespaces.fresh.has('cgroup'));
}

/** True for a view of the control groups: init has to be in its own before it is made. */
export function showsCgroups(mount: Mount): boolean {
  return !isBind(mount) && (mount.type === 'cgroup' || mount.type === 'cgroup2');
}

/** One list of operations for each mount of the spec. */
export function compileMounts(spec: Spec, context: MountContext): Operation[][] {
  return (spec.mounts ?? []).map((mount, index) => compileMount(mount, context, `mounts[${String(index)}]`));
}
