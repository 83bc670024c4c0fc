/**
 * An oci-archive: an OCI image layout (image-spec 1.1, image-layout.md) with manifests, configurations and layers as they
 * are in the store, each once. index.json has an entry for each name; its annotations are those that podman and skopeo
 * (the name) and containerd and docker (the name in full) look for.
 */
import { digestAlgorithm, digestHex, type Digest } from '../digest.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import { encodeManifest, type ImageIndex } from '../manifest/manifest.ts';
import { OCI_INDEX } from '../manifest/media-types.ts';
import type { TarMember } from '../tar/writer.ts';
import { IMAGE_NAME, INDEX_NAME, LAYOUT_NAME, REF_NAME } from './oci-archive.ts';
import { document, folder, member, opened, verified, type SaveOptions, type SavedImage } from './saved-image.ts';

/** Throws ImageError store_damaged, blob_not_found, the signal's reason. */
export function* ociMembers(images: readonly SavedImage[], options: SaveOptions): Generator<TarMember> {
  yield document(LAYOUT_NAME, { imageLayoutVersion: '1.0.0' });
  const index: ImageIndex = { kind: 'index', mediaType: OCI_INDEX, manifests: images.flatMap(entriesOf) };
  const { bytes } = encodeManifest(index);
  yield member(INDEX_NAME, bytes.length, () => onceOf(bytes));
  const contents = images.flatMap(({ descriptor, manifest }) => [descriptor, manifest.config, ...manifest.layers]);
  yield folder('blobs');
  for (const algorithm of new Set(contents.map(({ digest }) => digestAlgorithm(digest))))
    yield folder(`blobs/${algorithm}`);
  const written = new Set<Digest>();
  for (const { digest, size } of contents) {
    if (written.has(digest)) continue;
    written.add(digest);
    yield member(`blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`, size, () =>
      verified(opened(options, digest), digest, options.signal),
    );
  }
}

function entriesOf({ descriptor: { mediaType, digest, size }, names }: SavedImage): Descriptor[] {
  if (names.length === 0) return [{ mediaType, digest, size }];
  return names.map((name) => ({ mediaType, digest, size, annotations: { [IMAGE_NAME]: name, [REF_NAME]: name } }));
}

async function* onceOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes);
}
