/** Differences as a layer of an image: OCI image-spec, layer.md, "Change Types" and "Whiteouts". */
import { EntryPacker, LARGE_HOLES, kindOf } from './entry-packer.ts';
import type { Difference } from './differences.ts';
import { checkLayerName } from './differences.ts';
import type { IdMaps } from './id-maps.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** Yields full pieces; returns whether nothing differed. Throws as Differences and EntryPacker do. */
export function* packLayer(
  differences: Iterable<Difference>,
  ids: IdMaps,
): Generator<Buffer, { readonly isEmpty: boolean }> {
  const packer = new EntryPacker({ ids, sparseFrom: LARGE_HOLES });
  for (const difference of differences) {
    const { path } = difference;
    checkLayerName(path);
    if (difference.kind === 'deleted') {
      const slash = path.lastIndexOf('/') + 1;
      if (!difference.implied) packer.mark(path.slice(0, slash) + WHITEOUT + path.slice(slash));
    } else if (kindOf(difference.status) !== 'socket') {
      yield* packer.add(difference.fd, difference.status, path === '' ? '.' : path);
      if (difference.opaque) packer.mark(path === '' ? OPAQUE : `${path}/${OPAQUE}`);
    }
    yield* packer.writer.take();
  }
  const isEmpty = packer.entries === 0;
  yield* packer.finish();
  return { isEmpty };
}
