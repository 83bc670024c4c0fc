/** Where a container's root file system comes from. */
import { realpathSync, statSync, statfsSync } from 'node:fs';
import type { CreateRequest } from '../../shared/api/container.ts';
import type { RootSource } from '../runtime/plan/target.ts';
import { EngineError } from './errors.ts';
import type { Places } from './places.ts';

/** statfs(2): a file system that cannot be another overlay's upper layer. */
const OVERLAYFS_MAGIC = 0x794c7630;

export interface ChosenRoot {
  /** Real path of the directory. */
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
  const obstacle = diskObstacle(directory, places.root);
  if (request.upper === 'disk' && obstacle !== undefined) throw invalid('upper', `"disk" cannot be: ${obstacle}`);
  if (request.upper === 'tmpfs' || obstacle !== undefined) {
    // Of a disposable container nothing is expected to stay, and the tmpfs was asked for where it was named.
    const isExpected = request.upper === 'tmpfs' || request.autoRemove === true;
    const warnings = isExpected || obstacle === undefined ? [] : [`what is written goes to memory: ${obstacle}`];
    return { directory, source: { kind: 'overlay-tmpfs', lower: [directory], size: 0 }, readonly, warnings };
  }
  const source: RootSource = {
    kind: 'overlay-disk',
    lower: [directory],
    upper: places.upper(id),
    work: places.work(id),
    // what goes with the container need not survive a power failure
    volatile: request.autoRemove === true,
  };
  return { directory, source, readonly, warnings: [] };
}

/** Why the upper layer cannot lie under the daemon's root; undefined where it can. */
function diskObstacle(lower: string, root: string): string | undefined {
  if (root === lower || root.startsWith(lower === '/' ? '/' : `${lower}/`)) {
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
