/**
 * Id-mapped mounts, mount_setattr(2) MOUNT_ATTR_IDMAP: each takes the maps of a user namespace, which has to exist before
 * the container's own is made. So a holder is launched first: a process that does nothing but be in a user namespace.
 */
import type { IdMapping, Spec } from '../spec/types.ts';
import { idMapsWanted } from '../spec/validate-mounts.ts';
import { writeIdMaps } from './compile-namespaces.ts';
import { CLONE_FLAGS } from './kernel.ts';
import type { Plan } from './operations.ts';

export interface IdMaps {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

/** One holder to be launched, and which of `mounts` (by index) its user namespace is for. */
export interface HolderWanted {
  readonly mappings: IdMaps;
  readonly mounts: readonly number[];
}

/** The holders without which compileStart refuses `spec`; one for all mounts with the same maps. */
export function idMapsNeeded(spec: Spec): HolderWanted[] {
  const holders = new Map<string, { mappings: IdMaps; mounts: number[] }>();
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    const mappings = idMapsWanted(mount, spec.linux);
    if (mappings === undefined) continue;
    const key = [mappings.uidMappings, mappings.gidMappings]
      .map((lines) => lines.map(({ containerID, hostID, size }) => [containerID, hostID, size].join(' ')).join(','))
      .join(';');
    const known = holders.get(key);
    if (known === undefined) holders.set(key, { mappings, mounts: [index] });
    else known.mounts.push(index);
  }
  return [...holders.values()];
}

/** Reports *created* when the maps are written; /proc/PID/ns/user of its process then is what StartTarget.idMaps names. */
export function compileHolder(mappings: IdMaps): Plan {
  return [
    { op: 'clone', flags: CLONE_FLAGS.user },
    ...writeIdMaps(mappings),
    { op: 'await_settled' },
    { op: 'await_go' },
  ];
}
