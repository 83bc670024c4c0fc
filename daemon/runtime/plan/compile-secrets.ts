/**
 * Files that only the container sees: what lies in /run/secrets on one tmpfs, any other on a tmpfs of its own, bound at its
 * path. Nothing of it is in the root, so that it is in no layer, archive or difference; all of it is read-only.
 */
import type { HostFacts } from '../host-facts.ts';
import { SpecError } from '../spec/error.ts';
import type { Spec } from '../spec/types.ts';
import { mountContext } from './compile-labels.ts';
import type { Namespaces } from './compile-namespaces.ts';
import { MOUNT_ATTR } from './kernel.ts';
import type { Operation } from './operations.ts';
import type { Secret } from './target.ts';

export const SECRETS_DIRECTORY = '/run/secrets';
const PAGE = 4096;
/** For directories, and what a tmpfs keeps for itself. */
const SPARE_PAGES = 64;

/** @throws SpecError where nothing may be mounted */
export function compileSecrets(
  spec: Spec,
  secrets: readonly Secret[],
  { namespaces, host }: { readonly namespaces: Namespaces; readonly host: HostFacts },
): Operation[] {
  if (secrets.length === 0) return [];
  if (namespaces.mounts !== 'own') {
    throw new SpecError('secrets', 'need a mount namespace of its own: others would see them', 'unsupported');
  }
  const isInside = ({ path }: Secret): boolean => path.startsWith(`${SECRETS_DIRECTORY}/`);
  const inside = secrets.filter(isInside);
  const apart = secrets.filter((secret) => !isInside(secret));
  const context = mountContext(spec.linux, 'tmpfs', host);
  const options = [
    'mode=755',
    `size=${String(sizeOf(inside))}`,
    // the kernel does not let a user namespace ask for it
    ...(host.noSwap === true && !namespaces.user ? ['noswap'] : []),
    ...(context === undefined ? [] : [context]),
  ];
  return [
    ...(inside.length === 0 ? [] : directory(inside, options)),
    ...apart.map((secret): Operation => ({ op: 'file', ...secret, apart: 1 })),
  ];
}

function directory(inside: readonly Secret[], options: readonly string[]): Operation[] {
  const target = SECRETS_DIRECTORY;
  const attributes = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;
  return [
    { op: 'mount', type: 'tmpfs', source: 'secrets', target, options: [...options], attributes, flags: 0 },
    ...inside.map((secret): Operation => ({ op: 'file', ...secret, apart: 0 })),
    { op: 'mount_attributes', target, set: MOUNT_ATTR.RDONLY, clear: 0, recursive: 0, propagation: 0 },
  ];
}

/** Bytes of whole pages. */
function sizeOf(secrets: readonly Secret[]): number {
  const pages = secrets.map(({ content }) => Math.ceil(content.length / PAGE) + 1);
  return pages.reduce((sum, count) => sum + count, SPARE_PAGES) * PAGE;
}
