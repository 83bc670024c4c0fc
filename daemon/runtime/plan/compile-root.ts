/** `root`: the root file system, and the way into it. */
import { SpecError } from '../spec/error.ts';
import type { Spec } from '../spec/types.ts';
import type { Namespaces } from './compile-namespaces.ts';
import { MOUNT_ATTR, MS } from './kernel.ts';
import { propagationFlags } from './mount-options.ts';
import type { Operation } from './operations.ts';
import type { StartTarget } from './target.ts';
import { type Trees, overlayTree } from './trees.ts';

/** The tmpfs is init's, and what the layers hide can only be told to the shim. */
const LAYERS_IN_MEMORY =
  'has a user namespace, in which an overlay of several layers cannot have its upper layer in memory';

const EVERYTHING_PRIVATE = MS.PRIVATE | MS.REC;

/** Propagation that mount events of the host take into the container. */
export function wantsSlave(spec: Spec): boolean {
  if (spec.linux?.rootfsPropagation?.endsWith('slave') === true) return true;
  return spec.mounts?.some(({ options }) => options?.some((name) => name === 'slave' || name === 'rslave')) === true;
}

/** First of all mounts: nothing of what follows is to be seen on the host. */
function detachFromHost(spec: Spec): Operation {
  return { op: 'root_propagation', flags: wantsSlave(spec) ? MS.SLAVE | MS.REC : EVERYTHING_PRIVATE };
}

/**
 * Of several layers and in a user namespace the shim makes it: marks of the layers (trusted.overlay.opaque) are for the
 * host's root to read, and with "userxattr" they would be passed over.
 */
function rootMount(target: StartTarget, userNamespace: boolean, trees: Trees): Operation {
  const { root, mountPoint: at } = target;
  // Inside a user namespace trusted.* attributes cannot be written, overlayfs.rst "userxattr".
  const userxattr = userNamespace ? 1 : 0;
  switch (root.kind) {
    case 'overlay-disk':
      if (userNamespace && root.lower.length > 1)
        return { op: 'root_tree', tree: trees.add(overlayTree(root.lower, root)), at };
      return {
        op: 'root_overlay',
        lower: root.lower,
        upper: root.upper,
        work: root.work,
        volatile: root.volatile ? 1 : 0,
        userxattr,
        at,
      };
    case 'overlay-tmpfs':
      if (userNamespace && root.lower.length > 1)
        throw new SpecError('linux.namespaces', LAYERS_IN_MEMORY, 'unsupported');
      return { op: 'root_overlay_tmpfs', lower: root.lower, size: root.size, userxattr, at };
    case 'bind':
      return { op: 'root_bind', source: root.source, at };
  }
}

function attributes(set: number, clear: number, recursive: 0 | 1, propagation = 0): Operation {
  return { op: 'mount_attributes', target: '/', set, clear, recursive, propagation };
}

/**
 * A bind of a directory brings along what is mounted below it. Where the root is to be read-only these become so at
 * once; the root itself only at the end, for mount points may have to be made in it.
 */
function closeBelow(spec: Spec, target: StartTarget): Operation[] {
  const { RDONLY } = MOUNT_ATTR;
  if (spec.root?.readonly !== true || target.root.kind !== 'bind') return [];
  return [attributes(RDONLY, 0, 1), attributes(0, RDONLY, 0)];
}

/** In the host's mount namespace nothing may be mounted: the directory as it is. */
function directory(target: StartTarget): Operation {
  if (target.root.kind === 'bind') return { op: 'root_directory', source: target.root.source };
  throw new SpecError(
    'linux.namespaces',
    'lacks a mount namespace, without which the root can only be a directory that is used directly',
    'unsupported',
  );
}

/** Up to a root in which the mounts of the spec can be made. `becomeRoot`: where the user namespace is entered for good. */
export function makeRoot(
  spec: Spec,
  target: StartTarget,
  { mounts, user }: Namespaces,
  { becomeRoot, trees }: { readonly becomeRoot: readonly Operation[]; readonly trees: Trees },
): Operation[] {
  if (spec.root === undefined) throw new SpecError('root', 'is missing');
  // Without a mount namespace of its own it has none of its users either, see checkNamespaces.
  if (mounts === 'host') return [directory(target)];
  const root = rootMount(target, user, trees);
  if (mounts === 'joined') {
    // Others live here: only what is ours is kept from spreading, and from what it was cloned from.
    return [
      { op: 'private_parent', at: target.mountPoint },
      root,
      attributes(0, 0, 0, EVERYTHING_PRIVATE),
      ...closeBelow(spec, target),
    ];
  }
  // The host's root can reach a directory that the container's could not; but files of an overlay are to be the latter's.
  const inOrder = root.op === 'root_bind' ? [root, ...becomeRoot] : [...becomeRoot, root];
  return [detachFromHost(spec), ...inOrder, ...closeBelow(spec, target)];
}

/** After everything that is made or mounted in the root. */
export function enterRoot(spec: Spec, target: StartTarget, { mounts }: Namespaces): Operation[] {
  const flags = propagationFlags(spec.linux?.rootfsPropagation ?? '') ?? 0;
  if (mounts === 'host') return [{ op: 'change_root' }];
  const operations: Operation[] = [];
  if (spec.root?.readonly === true) operations.push(attributes(MOUNT_ATTR.RDONLY, 0, 0));
  if (mounts === 'joined') operations.push({ op: 'change_root' });
  else operations.push(target.noPivot ? { op: 'move_root' } : { op: 'pivot_root' });
  // After pivot_root, which refuses a shared root, pivot_root(2).
  if ((flags & (MS.SHARED | MS.UNBINDABLE)) !== 0) operations.push(attributes(0, 0, 0, flags));
  return operations;
}

/**
 * Without a mount namespace of its own: what would be mounted on the host, where the caller does not take that upon
 * himself; and what would change a mount of the host's, in any case.
 */
export function refuseOnHost(spec: Spec, { hostMounts }: StartTarget): void {
  const { mounts = [], linux, root } = spec;
  const changing: readonly (readonly [field: string, boolean])[] = [
    ['root.readonly', root?.readonly === true],
    ['linux.rootfsPropagation', (linux?.rootfsPropagation ?? '') !== ''],
  ];
  const mounting: readonly (readonly [field: string, boolean])[] = [
    ['mounts', mounts.length > 0],
    ['linux.maskedPaths', (linux?.maskedPaths?.length ?? 0) > 0],
    ['linux.readonlyPaths', (linux?.readonlyPaths?.length ?? 0) > 0],
    ['process.terminal', spec.process?.terminal === true],
  ];
  const asked = hostMounts === true ? changing : [...changing, ...mounting];
  const [field] = asked.find(([, isAsked]) => isAsked) ?? [];
  if (field === undefined) return;
  throw new SpecError(
    field,
    'needs a mount namespace in linux.namespaces: it would be done to the host',
    'unsupported',
  );
}
