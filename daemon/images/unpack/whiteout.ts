/** Whiteouts, OCI image-spec 1.1, layer.md, "Whiteouts": names that take away what lower layers have. */
import { refused } from './path.ts';

const PREFIX = '.wh.';
/** Names of aufs, which had files of its own in every layer; they belong to no image. */
const META = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * What a name means: an entry of the layer, the removal of `hidden` from the directory, the directory hides all of the
 * lower layers ("opaque"), or a leftover of aufs ("meta").
 *
 * @throws ImageError layer_invalid for one that would hide the directory itself, or its parent
 */
export function whiteoutOf(
  name: string,
  components: readonly string[],
): 'entry' | 'opaque' | 'meta' | { readonly hidden: string } {
  if (!name.includes(PREFIX)) return 'entry';
  const last = components.length - 1;
  for (const [index, component] of components.entries()) {
    if (!component.startsWith(PREFIX)) continue;
    if (index === last && component === OPAQUE) return 'opaque';
    if (component.startsWith(META)) return 'meta';
    if (index !== last) throw refused(name, 'lies below a whiteout');
    const hidden = component.slice(PREFIX.length);
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw refused(name, 'is a whiteout of a directory above it');
    return { hidden };
  }
  return 'entry';
}
