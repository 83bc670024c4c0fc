/**
 * Whose the container's control group is, config-linux.md "Cgroup ownership": where its program may write to it, it is the
 * program's user's, so that a systemd or an engine inside can make groups below.
 */
import { groupDirectory, type CgroupHost, type V2Hierarchy } from '../cgroups/host.ts';
import type { IdMapping, Integer, Mount, Spec } from '../spec/types.ts';
import { showsCgroups } from './compile-mounts.ts';
import type { Namespaces } from './compile-namespaces.ts';
import { MOUNT_ATTR } from './kernel.ts';
import { newMountAttributes, parseMountOptions } from './mount-options.ts';
import type { Operation } from './operations.ts';

/** What has to be somebody's for groups to be made below, where the kernel does not list it. */
const DELEGATED = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];

function isWritable(mount: Mount): boolean {
  if (!showsCgroups(mount) || mount.destination !== '/sys/fs/cgroup') return false;
  return (newMountAttributes(parseMountOptions(mount.options ?? [])) & MOUNT_ATTR.RDONLY) === 0;
}

/** The id on the host; undefined for one that is not mapped. */
function hostId(id: Integer, maps: readonly IdMapping[]): number | undefined {
  const wanted = BigInt(id);
  for (const { containerID, hostID, size } of maps) {
    const offset = wanted - BigInt(containerID);
    if (offset >= 0n && offset < BigInt(size)) return Number(BigInt(hostID) + offset);
  }
  return undefined;
}

/** Root's, as it is made, where the user namespace is another's: the config does not tell its maps. */
function ownerOf(spec: Spec, { fresh, user }: Namespaces): number | undefined {
  const uid = spec.process?.user?.uid ?? 0;
  if (!user) return Number(uid);
  return fresh.has('user') ? hostId(uid, spec.linux?.uidMappings ?? []) : undefined;
}

function filesOf({ delegated = DELEGATED }: V2Hierarchy, directory: string): string[] {
  return [directory, ...delegated.map((name) => `${directory}/${name}`)];
}

/** Nothing on a host with v1, where a group that is handed on is not safe. To be done once the group is made. */
export function giveGroup(spec: Spec, namespaces: Namespaces, { mode, v2 }: CgroupHost, path: string): Operation[] {
  if (mode !== 'v2' || v2 === undefined || !namespaces.fresh.has('cgroup')) return [];
  const uid = spec.mounts?.some(isWritable) === true ? ownerOf(spec, namespaces) : undefined;
  if (uid === undefined || uid === 0) return [];
  return filesOf(v2, groupDirectory(v2, path)).map((host) => ({ op: 'cgroup_own', host, uid }));
}
