/**
 * What layers below know of directories that a layer implies, and of its root, put upon those of the layer after it is
 * unpacked: so it may be unpacked before the layers below are there.
 */
import { closeSync, openSync } from 'node:fs';
import { setTimes } from '../../../native-bindings/utimensat.ts';
import { getXattr } from '../../../native-bindings/xattr.ts';
import { ImageError } from '../errors.ts';
import type { DescribeJob } from './job.ts';
import { LowerLayers, ownPath, type Description } from './lower.ts';
import { DIRECTORY, openDirectory } from './remove-tree.ts';

/** Components that are walked in all layers together; people's images need some thousands. */
const MOST_STEPS = 20_000_000;
/** So many directories at a time, then it is seen whether all of it is still wanted. */
const AT_ONCE = 256;

/** Throws ImageError too_large, the signal's reason, SystemError, and what Node throws. */
export async function describeHere(job: DescribeJob, signal: AbortSignal): Promise<void> {
  const { directory, parents, implied, root } = job;
  const lower = new LowerLayers(parents);
  const top = openSync(directory, DIRECTORY);
  try {
    if (root) put(top, lower.description([]));
    let steps = 0;
    for (const [index, path] of implied.entries()) {
      const components = path.split('/');
      steps += components.length * (parents.length + 1);
      if (steps > MOST_STEPS) {
        throw new ImageError(
          'too_large',
          'the layer has too many directories without an entry for so many layers below',
        );
      }
      describe(top, components, lower);
      if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
  } finally {
    closeSync(top);
    lower.close();
  }
}

function describe(top: number, components: readonly string[], lower: LowerLayers): void {
  const found = openVisible(top, components);
  if (found === undefined) return;
  try {
    put(found, lower.description(components));
  } finally {
    closeSync(found);
  }
}

/** The layer's own directory; undefined where the layer hides what is below one on the way to it. */
function openVisible(top: number, components: readonly string[]): number | undefined {
  let at = top;
  for (const [index, name] of components.entries()) {
    const next = openDirectory(at, name);
    if (at !== top) closeSync(at);
    if (typeof next !== 'number') throw new Error('a directory of an unpacked layer is gone');
    const isLast = index === components.length - 1;
    if (!isLast && getXattr(ownPath(next), 'trusted.overlay.opaque') !== undefined) {
      closeSync(next);
      return undefined;
    }
    at = next;
  }
  return at;
}

function put(fd: number, description: Description | undefined): void {
  if (description === undefined) return;
  description.apply(fd);
  setTimes(fd, description.accessed, description.modified);
}
