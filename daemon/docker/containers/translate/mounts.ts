/** All that a container has mounted: VolumesFrom, then Binds, Mounts and Tmpfs, and Volumes where nothing is yet. */
import { posix } from 'node:path';
import type { CreateRequest, Mount } from '../../../../shared/api/container.ts';
import { bindOf, modeOf } from './binds.ts';
import type { CreateBody } from './create-body.ts';
import type { Knows } from './host.ts';
import { mountOf, refuseDriver, tmpfsOf } from './mount-body.ts';
import { plain, refuse } from './refuse.ts';

const MKDIR_MAX = 256;

/** Throws DockerError 400. */
export function mountsOf(body: CreateBody, knows: Pick<Knows, 'exists' | 'mountsOf'>): Partial<CreateRequest> {
  const { HostConfig: host = {}, Volumes: volumes = {} } = body;
  refuseDriver(host.VolumeDriver ?? '');
  const own = new Map<string, Mount>();
  const mkdir = new Set<string>();
  const add = (mount: Mount): void => {
    const at = posix.resolve(mount.target);
    if (own.has(at)) refuse(`Duplicate mount point: ${plain(at)}`);
    own.set(at, mount);
  };
  for (const spec of host.Binds ?? []) {
    const mount = bindOf(spec);
    add(mount);
    // dockerd makes what is missing, and so does everybody who has replaced it
    if (mount.type === 'bind' && mount.source !== undefined && !knows.exists(mount.source)) mkdir.add(mount.source);
  }
  for (const asked of host.Mounts ?? []) {
    const { mount, mkdir: missing } = mountOf(asked, knows);
    add(mount);
    if (missing !== undefined) mkdir.add(missing);
  }
  for (const [target, options] of Object.entries(host.Tmpfs ?? {})) add(tmpfsOf(target, options));
  if (mkdir.size > MKDIR_MAX) refuse(`Binds: more than ${String(MKDIR_MAX)} directories of the host are missing`);
  const all = new Map([...inherited(host.VolumesFrom ?? [], knows), ...own]);
  for (const target of Object.keys(volumes)) {
    const at = posix.resolve('/', target);
    if (at === '/') refuse("invalid specification: destination can't be '/'");
    if (!all.has(at)) all.set(at, { type: 'volume', target: at });
  }
  if (all.size === 0) return {};
  // what lies in another is mounted after it
  const mounts = [...all].sort(([left], [right]) => depthOf(left) - depthOf(right)).map(([, mount]) => mount);
  return { mounts, ...(mkdir.size === 0 ? {} : { mkdir: [...mkdir] }) };
}

/** "container" or "container:ro"; of one place the last counts. */
function* inherited(specs: readonly string[], knows: Pick<Knows, 'mountsOf'>): Generator<[string, Mount]> {
  for (const spec of specs) {
    const [ref = '', mode = '', more] = spec.split(':');
    if (ref === '' || more !== undefined) refuse(`invalid volumes-from specification: ${plain(spec)}`);
    const { readonly } = modeOf(mode);
    for (const mount of knows.mountsOf(ref)) {
      yield [posix.resolve(mount.target), readonly ? { ...mount, readonly: true } : mount];
    }
  }
}

function depthOf(path: string): number {
  return path.split('/').length;
}
