/** A mount of type "cgroup": what cgroup hierarchies the host has, as the container is to see them. */
import { basename, join, posix } from 'node:path';
import { groupDirectory, hierarchies, type CgroupHost, type V1Hierarchy } from '../cgroups/host.ts';
import { SpecError } from '../spec/error.ts';
import type { Mount } from '../spec/types.ts';
import { MOUNT_ATTR } from './kernel.ts';
import { newMountAttributes, type MountOptions } from './mount-options.ts';
import type { Operation } from './operations.ts';

export interface CgroupMount {
  readonly mount: Mount;
  readonly options: MountOptions;
  readonly host: CgroupHost;
  /** The container's group in every hierarchy. */
  readonly path: string;
  /** Directories of the groups that the container has: not every hierarchy needs to have one. */
  readonly groups: ReadonlySet<string>;
  /** It has a cgroup namespace of its own. Otherwise nothing may be written (CVE-2023-25809). */
  readonly own: boolean;
  /** It is in a user namespace that is not the host's. */
  readonly user: boolean;
  readonly field: string;
}

/** The container's own group of a hierarchy, bound: the same view as a mount in its cgroup namespace, without its locks. */
function bindGroup(source: string, target: string, set: number): Operation {
  return {
    op: 'bind',
    source,
    target,
    recursive: 0,
    set,
    clear: 0,
    set_all: 0,
    clear_all: 0,
    propagation: 0,
    tree: -1,
  };
}

/** /sys/fs/cgroup/cpu beside "cpu,cpuacct", as programs look for it. */
function controllerLinks(hierarchy: V1Hierarchy, target: string): Operation[] {
  const to = basename(hierarchy.mount);
  const names = hierarchy.controllers.filter((name) => hierarchy.controllers.length > 1 && name !== to);
  return names.map((name) => ({ op: 'symlink', path: posix.join(target, name), to }));
}

/** In a user namespace the kernel mounts it only for who owns the cgroup namespace too: the host's own mount stands in. */
function unified({ mount, options, path, host, own, user }: CgroupMount, attributes: number): Operation[] {
  const target = mount.destination;
  if (host.v2 !== undefined && options.data.length === 0 && (own || user))
    return [bindGroup(own ? groupDirectory(host.v2, path) : host.v2.mount, target, attributes)];
  return [{ op: 'mount', type: 'cgroup2', source: 'cgroup', target, options: options.data, attributes, flags: 0 }];
}

/** A tmpfs with a directory for each hierarchy, named as on the host. */
function split({ mount, host, path, groups }: CgroupMount, attributes: number): Operation[] {
  const target = mount.destination;
  const operations: Operation[] = [
    {
      op: 'mount',
      type: 'tmpfs',
      source: 'cgroup',
      target,
      options: ['mode=755', 'size=1m'],
      attributes: attributes & ~MOUNT_ATTR.RDONLY,
      flags: 0,
    },
  ];
  for (const hierarchy of hierarchies(host)) {
    if (!groups.has(groupDirectory(hierarchy, path))) continue;
    const place = join(target, basename(hierarchy.mount));
    operations.push(bindGroup(groupDirectory(hierarchy, path), place, attributes));
  }
  for (const hierarchy of host.v1) {
    if (groups.has(groupDirectory(hierarchy, path))) operations.push(...controllerLinks(hierarchy, target));
  }
  if ((attributes & MOUNT_ATTR.RDONLY) !== 0) {
    operations.push({ op: 'mount_attributes', target, set: MOUNT_ATTR.RDONLY, clear: 0, recursive: 0, propagation: 0 });
  }
  return operations;
}

/** @throws SpecError where the host has no control groups at all, or options make no sense on them */
export function compileCgroupMount(wanted: CgroupMount): Operation[] {
  const { host, own, options, field } = wanted;
  const [unknown] = options.data;
  if (unknown !== undefined && host.mode !== 'v2') {
    throw new SpecError(`${field}.options`, `"${unknown}" is not an option of a cgroup mount`);
  }
  if (options.copyUp) throw new SpecError(`${field}.options`, '"tmpcopyup" is an option of a tmpfs');
  if (host.mode === 'none') throw new SpecError(`${field}.type`, 'this host has no control groups', 'unsupported');
  const attributes = newMountAttributes(options) | (own ? 0 : MOUNT_ATTR.RDONLY);
  const operations = host.mode === 'v2' ? unified(wanted, attributes) : split(wanted, attributes);
  if (options.propagation !== 0) {
    const { propagation } = options;
    const target = wanted.mount.destination;
    operations.push({ op: 'mount_attributes', target, set: 0, clear: 0, recursive: 0, propagation });
  }
  return operations;
}
