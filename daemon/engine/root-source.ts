/** Where a container's root file system comes from. */
import { realpathSync, statSync, statfsSync } from 'node:fs';
import type { CreateRequest } from '../../shared/api/container.ts';
import type { RootSource } from '../runtime/plan/target.ts';
import type { Spec } from '../runtime/spec/types.ts';
import { EngineError } from './errors.ts';
import type { Places } from './places.ts';

/** statfs(2): a file system that cannot be another overlay's upper layer. */
const OVERLAYFS_MAGIC = 0x794c7630;

export interface ChosenRoot {
  /** Real path of the directory; of an image, where init attaches what its layers make. */
  readonly directory: string;
  readonly source: RootSource;
  readonly readonly: boolean;
  readonly warnings: readonly string[];
}

export function chooseRoot(request: CreateRequest & { rootfs: string }, id: string, places: Places): ChosenRoot {
  const directory = realDirectory(request.rootfs, 'rootfs');
  const mode = request.rootfsMode ?? 'overlay';
  const readonly = mode === 'ro' || request.security?.readonlyRootfs === true;
  if (mode !== 'overlay') {
    if (request.upper !== undefined) throw invalid('upper', `there is no upper layer with rootfsMode "${mode}"`);
    return { directory, source: { kind: 'bind', source: directory }, readonly, warnings: [] };
  }
  return { directory, readonly, ...overlay(request, id, { lower: [directory], contains: directory }, places) };
}

/** Of an image: nothing is ever written to its layers, the topmost of which is the first. */
export function layeredRoot(request: CreateRequest, id: string, layers: readonly string[], places: Places): ChosenRoot {
  if (request.rootfsMode !== undefined && request.rootfsMode !== 'overlay') {
    const problem = `"${request.rootfsMode}" is for rootfs: an image is never written to, and readonlyRootfs of security is read-only`;
    throw invalid('rootfsMode', problem);
  }
  const lower = layers.length === 0 ? [places.emptyLower(id)] : layers;
  const readonly = request.security?.readonlyRootfs === true;
  return { directory: places.mountPoint, readonly, ...overlay(request, id, { lower }, places) };
}

/** A bundle with a directory `lower` gets what LinuxKit's runner makes of it: an overlay, or, read-only, the directory itself. */
export function bundleRoot(
  request: CreateRequest,
  id: string,
  { rootfs, isLower, spec }: { readonly rootfs: string; readonly isLower: boolean; readonly spec: Spec },
  places: Places,
): Pick<ChosenRoot, 'source' | 'warnings'> {
  if (isLower && spec.root?.readonly !== true)
    return overlay(request, id, { lower: [rootfs], contains: rootfs }, places);
  if (request.upper !== undefined) throw invalid('upper', 'there is no upper layer with a read-only root');
  return { source: { kind: 'bind', source: rootfs }, warnings: [] };
}

/** `contains`: a directory that the upper layer must not lie in. */
function overlay(
  request: CreateRequest,
  id: string,
  { lower, contains }: { readonly lower: readonly string[]; readonly contains?: string },
  places: Places,
): Pick<ChosenRoot, 'source' | 'warnings'> {
  const obstacle = diskObstacle(contains, places.root);
  if (request.upper === 'disk' && obstacle !== undefined) throw invalid('upper', `"disk" cannot be: ${obstacle}`);
  if (request.upper === 'tmpfs' || obstacle !== undefined) {
    // Of a disposable container nothing is expected to stay, and the tmpfs was asked for where it was named.
    const isExpected = request.upper === 'tmpfs' || request.autoRemove === true;
    const warnings = isExpected || obstacle === undefined ? [] : [`what is written goes to memory: ${obstacle}`];
    return { source: { kind: 'overlay-tmpfs', lower, size: 0 }, warnings };
  }
  // what goes with the container need not survive a power failure
  const volatile = request.autoRemove === true;
  const [upper, work] = [places.upper(id), places.work(id)];
  return { source: { kind: 'overlay-disk', lower, upper, work, volatile }, warnings: [] };
}

/** Why an upper layer cannot lie under the daemon's root; undefined where it can. */
export function diskObstacle(lower: string | undefined, root: string): string | undefined {
  if (lower !== undefined && (root === lower || root.startsWith(lower === '/' ? '/' : `${lower}/`))) {
    return `${lower} contains the daemon's own root ${root}`;
  }
  if (statfsSync(root).type === OVERLAYFS_MAGIC) return `the daemon's root ${root} is on overlayfs`;
  return undefined;
}

/** Throws `invalid_field` where `path` is no directory. */
export function realDirectory(path: string, field: string): string {
  let real: string;
  try {
    real = realpathSync.native(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new EngineError('invalid_field', `${field}: ${path}: ${code}`, { field, cause: error });
  }
  if (statSync(real).isDirectory()) return real;
  throw invalid(field, `${path} is not a directory`);
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
