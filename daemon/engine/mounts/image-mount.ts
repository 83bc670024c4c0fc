/** An image as a container has it mounted: its layers, or one directory or file of them. */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SystemError } from '../../../native-bindings/libc.ts';
import { UnreadableFile } from '../../../native-bindings/open-in-root.ts';
import { shown } from '../../images/errors.ts';
import type { MountSource } from '../../runtime/plan/target.ts';
import type { Context } from '../context.ts';
import { type ImageRoot, imageRoot } from '../from-image/image-root.ts';
import { LayeredRoot } from '../from-image/layered-root.ts';
import type { Found } from '../from-image/merged-entry.ts';
import { diskObstacle } from '../root-source.ts';
import { type AskedMount, invalid } from './mount-of-request.ts';

export interface MountedImage {
  readonly image: ImageRoot;
  /** What the spec calls it: the image's id, or the path of a file. */
  readonly bind: string;
  readonly source?: MountSource;
}

/**
 * Read-only, unless `readonly` is false: then what is written stays with the container.
 *
 * @param mount - which was checked
 * @throws EngineError as imageRoot; `invalid_field`
 */
export async function mountedImage(
  context: Context,
  mount: AskedMount,
  { index, id }: { readonly index: number; readonly id: string },
): Promise<MountedImage> {
  const field = `mounts[${index}]`;
  const image = await imageRoot(context, mount.source ?? '', undefined, `${field}.source`);
  const found = mount.subpath === undefined ? image.layers : below(image, mount.subpath, `${field}.subpath`);
  if (typeof found === 'string') {
    if (mount.readonly === false) throw invalid(`${field}.readonly`, 'a file of an image can only be read');
    return { image, bind: found };
  }
  const [destination, bind] = [mount.target, image.manifest.config];
  if (mount.readonly !== false) {
    // one alone would be no overlay, and its whiteouts be seen
    const lower = found.length > 1 ? found : [...found, context.places.emptyLower(id)];
    return { image, bind, source: { kind: 'layers', destination, source: bind, lower } };
  }
  const obstacle = diskObstacle(undefined, context.places.root);
  if (obstacle !== undefined) throw invalid(`${field}.readonly`, `false cannot be: ${obstacle}`);
  const directory = context.places.mountLayers(id, index);
  const writable = { upper: join(directory, 'upper'), work: join(directory, 'work') };
  return { image, bind, source: { kind: 'layers', destination, source: bind, lower: found, writable } };
}

/** What the layers have there: of a directory its parts, of a file the one. Nothing in them changes any more. */
function below(image: ImageRoot, subpath: string, field: string): readonly string[] | string {
  const root = new LayeredRoot(image.layers);
  try {
    const { found } = root.resolve(subpath);
    if (found.kind === 'directory') return found.fds.map(pathOf);
    if (isFile(found)) return pathOf(found.fd);
    throw invalid(field, `image "${image.asked}" has no directory or file ${shown(subpath)}`);
  } catch (error) {
    if (!(error instanceof UnreadableFile || error instanceof SystemError)) throw error;
    throw invalid(field, `image "${image.asked}": ${shown(error.message)}`);
  } finally {
    root.close();
  }
}

function isFile(found: Found): found is Found & { kind: 'other' } {
  return found.kind === 'other' && found.status.isFile();
}

function pathOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}
