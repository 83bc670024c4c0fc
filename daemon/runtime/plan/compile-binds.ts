/** Binds of `mounts`: what the host has already, seen in the container; with its owners mapped, or its mounts shared. */
import { resolve } from 'node:path';
import { SpecError } from '../spec/error.ts';
import type { Mount, Spec } from '../spec/types.ts';
import { idMapsWanted, isBind, isIdMapped } from '../spec/validate-mounts.ts';
import { wantsSlave } from './compile-root.ts';
import type { Namespaces } from './compile-namespaces.ts';
import { MS } from './kernel.ts';
import { parseMountOptions, type MountOptions } from './mount-options.ts';
import type { Operation } from './operations.ts';
import type { MountSource } from './target.ts';
import { type Trees, overlayTree } from './trees.ts';

export interface BindContext {
  readonly spec: Spec;
  readonly namespaces: Namespaces;
  readonly bundle: string;
  /** As in StartTarget. */
  readonly idMaps: ReadonlyMap<number, string>;
  /** As in StartTarget. */
  readonly sources: readonly MountSource[];
  readonly trees: Trees;
}

export interface Bind {
  readonly mount: Mount;
  readonly options: MountOptions;
  readonly index: number;
  readonly field: string;
}

function checkOptions({ options, field }: Bind): void {
  const [unknown] = options.data;
  if (unknown !== undefined) throw new SpecError(`${field}.options`, `"${unknown}" is not an option of a bind mount`);
  if (options.copyUp) throw new SpecError(`${field}.options`, '"tmpcopyup" is an option of a tmpfs');
}

/** Mounts are shared with the host only where the root says so too; else what says "shared" has a peer group of its own. */
function isShared(mount: Mount, { linux }: Spec): boolean {
  if (!isBind(mount) || linux?.rootfsPropagation?.endsWith('shared') !== true) return false;
  return (parseMountOptions(mount.options ?? []).propagation & MS.SHARED) !== 0;
}

/** Whatever is mounted in a shared mount is mounted on the host as well: by the program, if it likes, but not by us. */
function refuseBelowShared(spec: Spec): void {
  const { mounts = [] } = spec;
  for (const [at, outer] of mounts.entries()) {
    if (!isShared(outer, spec)) continue;
    const below = mounts.findIndex(
      ({ destination }, index) => index > at && destination.startsWith(`${outer.destination}/`),
    );
    if (below < 0) continue;
    throw new SpecError(
      `mounts[${String(below)}].destination`,
      `lies in ${outer.destination}, which shares its mounts with the host: it would be mounted there too`,
      'unsupported',
    );
  }
}

/** The path of the user namespace whose maps the mount takes; undefined where it is not id-mapped. */
function userNamespace({ mount, index, field }: Bind, context: BindContext): string | undefined {
  if (!isIdMapped(mount)) return undefined;
  const isJoined = idMapsWanted(mount, context.spec.linux) === undefined;
  const path = isJoined ? context.namespaces.joined.get('user') : context.idMaps.get(index);
  if (path === undefined) throw new SpecError(`${field}.uidMappings`, 'there is no user namespace with these maps');
  return path;
}

/**
 * A bind that does not say how it propagates: where others are slaves of the host's mounts, or the mount namespace is
 * not ours alone, it would be as they are. It follows the root, and the root is private unless it says otherwise.
 */
function propagationOf({ options }: Bind, { spec, namespaces }: BindContext): number {
  if (options.propagation !== 0) return options.propagation;
  if (spec.linux?.rootfsPropagation?.endsWith('slave') === true) return 0;
  return namespaces.mounts !== 'own' || wantsSlave(spec) ? MS.PRIVATE | MS.REC : 0;
}

export function compileBind(bind: Bind, context: BindContext): Operation[] {
  checkOptions(bind);
  const { mount, options } = bind;
  const source = resolve(context.bundle, mount.source ?? '');
  const recursive = options.recursiveBind || mount.type === 'rbind' ? 1 : 0;
  const maps = userNamespace(bind, context);
  const shared = isShared(mount, context.spec);
  if (shared) refuseBelowShared(context.spec);
  const from = context.sources.find((each) => each.destination === mount.destination && each.source === mount.source);
  let tree = -1;
  if (from?.kind === 'layers') {
    tree = context.trees.add(overlayTree(from.lower, from.writable));
  } else if (from?.kind === 'joined') {
    tree = context.trees.add({ op: 'joined_tree', namespace: from.namespace, path: from.path });
  } else if (from !== undefined || maps !== undefined || shared) {
    // Cloned by the shim: with the rights of the host's root over owners, and in the mount namespace that is to be shared with.
    const all = options.idMap === 'tree' ? 1 : 0;
    const [directory, below] = from === undefined ? [source, ''] : [from.directory, from.path];
    tree = context.trees.add({
      ...{ op: 'bind_tree', source: directory, recursive, user_namespace: maps ?? '', map_all: all, below },
    });
  }
  return [
    {
      op: 'bind',
      source,
      target: mount.destination,
      recursive,
      set: options.top.set,
      clear: options.top.clear,
      set_all: options.tree.set,
      clear_all: options.tree.clear,
      propagation: propagationOf(bind, context),
      tree,
    },
  ];
}
