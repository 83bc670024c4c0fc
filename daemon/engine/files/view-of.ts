/** What a thread has to know of a container to open its files. */
import { readFileSync } from 'node:fs';
import type { IdMaps, IdRange } from '../../images/pack/id-maps.ts';
import { SECRETS_DIRECTORY } from '../../runtime/plan/compile-secrets.ts';
import { parseMountOptions } from '../../runtime/plan/mount-options.ts';
import { isBind, isIdMapped } from '../../runtime/spec/validate-mounts.ts';
import type { IdMapping, Mount, Spec } from '../../runtime/spec/types.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import type { MadeOf } from '../from-image/made-of.ts';
import { documentsOf } from '../inspect.ts';
import { specOf } from '../launch-plan.ts';
import type { KeptSecret } from '../secrets/secrets.ts';
import type { Differing } from './jobs.ts';
import type { ViewSource, ViewedMount } from './view-source.ts';

/** MOUNT_ATTR_RDONLY. */
const READ_ONLY = 1;

export function rootOf(context: Context, container: Container): MadeOf {
  return JSON.parse(documentsOf(context, container).root) as MadeOf;
}

/** Whether there is a process whose root can be entered. */
export function isAlive({ row, run }: Container): boolean {
  return row.pid !== null && run !== undefined && !run.ending;
}

function rangesOf(mappings: readonly IdMapping[] = []): IdRange[] {
  return mappings.map(({ containerID, hostID, size }) => ({
    container: Number(containerID),
    host: Number(hostID),
    size: Number(size),
  }));
}

export function idsOf({ linux }: Spec): IdMaps {
  return { users: rangesOf(linux?.uidMappings), groups: rangesOf(linux?.gidMappings) };
}

function hasOwn(spec: Spec, type: 'mount' | 'user'): boolean {
  return spec.linux?.namespaces?.some((each) => each.type === type && each.path === undefined) === true;
}

/** Binds are seen in any case; all else that is mounted is there only while the container runs. */
function mountsOf(spec: Spec, { sources = [] }: MadeOf): { readonly mounts: ViewedMount[]; readonly absent: string[] } {
  const mounts: ViewedMount[] = [];
  const absent: string[] = [];
  for (const mount of spec.mounts ?? []) {
    // owners of such a mount are known to the container's namespaces alone
    if (!isBind(mount) || isIdMapped(mount) || mount.source === undefined) absent.push(mount.destination);
    else mounts.push(viewed(mount, mount.source, sources));
  }
  return { mounts, absent };
}

function viewed(mount: Mount, source: string, sources: NonNullable<MadeOf['sources']>): ViewedMount {
  const { destination } = mount;
  const options = parseMountOptions(mount.options ?? []);
  const made = sources.find((each) => each.destination === destination && each.source === source);
  return {
    destination,
    source,
    recursive: options.recursiveBind || mount.type === 'rbind',
    readonly: ((options.top.set | options.tree.set) & READ_ONLY) !== 0,
    ...(made === undefined ? {} : { made }),
  };
}

export function viewOf(context: Context, container: Container): ViewSource {
  const spec = specOf(context, container);
  const root = rootOf(context, container);
  const ids = idsOf(spec);
  const { pid, processStarted } = container.row;
  if (isAlive(container) && pid !== null && processStarted !== null) {
    return { is: 'running', pid, processStarted, ownMounts: hasOwn(spec, 'mount'), name: container.name, ids };
  }
  const { mountPoint } = context.places;
  const { mounts, absent } = mountsOf(spec, root);
  if (root.kind === 'bind') return { is: 'directory', path: root.source, mounts, absent, mountPoint, ids };
  return {
    is: 'stopped',
    lower: root.lower,
    ...(root.kind === 'overlay-disk' ? { writes: { upper: root.upper, work: root.work } } : {}),
    userxattr: isMapped(spec),
    mounts,
    absent,
    mountPoint,
    ids,
  };
}

function isMapped(spec: Spec): boolean {
  return spec.linux?.namespaces?.some(({ type }) => type === 'user') === true;
}

/** Throws `path_read_only`, `unsupported` where nothing can be written that the container would see. */
export function checkWritable(context: Context, container: Container): void {
  if (isAlive(container)) return;
  const root = rootOf(context, container);
  if (specOf(context, container).root?.readonly === true) {
    throw new EngineError('path_read_only', `the root of container ${container.name} is read-only`);
  }
  if (root.kind !== 'overlay-tmpfs') return;
  throw new EngineError(
    'unsupported',
    `what container ${container.name} writes is kept in memory while it runs, and it does not run`,
    {
      hint: 'start it first, or create it with upper "disk"',
    },
  );
}

/**
 * What the container was made of, and where it is to be seen what it changed.
 *
 * @param compare - the upper layer cannot be read by itself
 * @throws EngineError `unsupported` for a root that is a directory of the host
 */
export function differingOf(context: Context, container: Container, compare = false): Differing {
  const spec = specOf(context, container);
  const { secrets = [], ...root }: MadeOf = rootOf(context, container);
  if (root.kind === 'bind') {
    throw new EngineError(
      'unsupported',
      `container ${container.name} works on ${root.source} itself: nobody keeps what it was before`,
    );
  }
  const isRead = root.kind === 'overlay-disk' && !compare;
  const view = viewOf(context, container);
  return {
    source: isRead ? { is: 'upper', directory: root.upper } : { is: 'tree', view },
    userxattr: isMapped(spec),
    lower: root.lower,
    mountPoint: context.places.mountPoint,
    ids: idsOf(spec),
    mountPoints: [...(spec.mounts ?? []).map(({ destination }) => destination), ...secrets.map(placeOf)],
  };
}

/** Where something is mounted for it. */
function placeOf({ path }: KeptSecret): string {
  return path.startsWith(`${SECRETS_DIRECTORY}/`) ? SECRETS_DIRECTORY : path;
}

/** Where overlays of this host may leave marks in an upper layer that only they understand, as the kernel is set up. */
export function isComparedOnly(): boolean {
  return ['redirect_dir', 'metacopy'].some((name) => {
    try {
      return readFileSync(`/sys/module/overlay/parameters/${name}`, 'latin1').startsWith('Y');
    } catch {
      // there is no such thing in this kernel
      return false;
    }
  });
}
