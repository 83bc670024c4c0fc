/** `root`: the root file system in init's own mount namespace, and the way into it. */
import { SpecError } from '../spec/error.ts';
import type { Spec } from '../spec/types.ts';
import { MOUNT_ATTR, MS } from './kernel.ts';
import { propagationFlags } from './mount-options.ts';
import type { Operation } from './operations.ts';
import type { StartTarget } from './target.ts';

/** Propagation that mount events of the host take into the container. */
function wantsSlave(spec: Spec): boolean {
  if (spec.linux?.rootfsPropagation?.endsWith('slave') === true) return true;
  return spec.mounts?.some(({ options }) => options?.some((name) => name === 'slave' || name === 'rslave')) === true;
}

/** First of all mounts: nothing of what follows is to be seen on the host. */
export function detachFromHost(spec: Spec): Operation {
  return { op: 'root_propagation', flags: (wantsSlave(spec) ? MS.SLAVE : MS.PRIVATE) | MS.REC };
}

function rootMount(target: StartTarget, userNamespace: boolean): Operation {
  const { root, mountPoint: at } = target;
  // Inside a user namespace trusted.* attributes cannot be written, overlayfs.rst "userxattr".
  const userxattr = userNamespace ? 1 : 0;
  switch (root.kind) {
    case 'overlay-disk':
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
      return { op: 'root_overlay_tmpfs', lower: root.lower, size: root.size, userxattr, at };
    case 'bind':
      return { op: 'root_bind', source: root.source, at };
  }
}

/**
 * A bind of a directory brings along what is mounted below it. Where the root is to be read-only these become so at
 * once; the root itself only at the end, for mount points may have to be made in it.
 */
export function makeRoot(spec: Spec, target: StartTarget, userNamespace: boolean): Operation[] {
  if (spec.root === undefined) throw new SpecError('root', 'is missing');
  const operations = [rootMount(target, userNamespace)];
  if (spec.root.readonly === true && target.root.kind === 'bind') {
    const { RDONLY } = MOUNT_ATTR;
    operations.push(
      { op: 'mount_attributes', target: '/', set: RDONLY, clear: 0, recursive: 1, propagation: 0 },
      { op: 'mount_attributes', target: '/', set: 0, clear: RDONLY, recursive: 0, propagation: 0 },
    );
  }
  return operations;
}

/** After everything that is made or mounted in the root. */
export function enterRoot(spec: Spec, target: StartTarget): Operation[] {
  const operations: Operation[] = [];
  if (spec.root?.readonly === true) {
    const set = MOUNT_ATTR.RDONLY;
    operations.push({ op: 'mount_attributes', target: '/', set, clear: 0, recursive: 0, propagation: 0 });
  }
  operations.push(target.noPivot ? { op: 'move_root' } : { op: 'pivot_root' });
  const flags = propagationFlags(spec.linux?.rootfsPropagation ?? '') ?? 0;
  // After pivot_root, which refuses a shared root, pivot_root(2).
  if ((flags & (MS.SHARED | MS.UNBINDABLE)) !== 0) {
    operations.push({ op: 'mount_attributes', target: '/', set: 0, clear: 0, recursive: 0, propagation: flags });
  }
  return operations;
}
