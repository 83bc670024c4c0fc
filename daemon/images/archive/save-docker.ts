/**
 * A docker-archive, as docker since 1.10, podman and skopeo load it: manifest.json, and the configurations and
 * uncompressed layers that it names, each once. manifest.json comes first, so that who reads a stream knows at once what
 * comes.
 */
import { digestHex, type Digest } from '../digest.ts';
import { layerType } from '../manifest/media-types.ts';
import { familiarText, parseReference } from '../reference.ts';
import type { TarMember } from '../tar/writer.ts';
import { decompressed } from '../unpack/decompress.ts';
import { DOCKER_MANIFEST_NAME } from './docker-archive.ts';
import {
  document,
  member,
  opened,
  verified,
  type SaveOptions,
  type SavedImage,
  type SavedLayer,
} from './saved-image.ts';

const configName = (digest: Digest): string => `${digestHex(digest)}.json`;
const layerName = (diffId: Digest): string => `${digestHex(diffId)}.tar`;

/** Throws ImageError store_damaged, blob_not_found, layer_invalid, the signal's reason. */
export function* dockerMembers(images: readonly SavedImage[], options: SaveOptions): Generator<TarMember> {
  yield document(
    DOCKER_MANIFEST_NAME,
    images.map(({ manifest, layers, names }) => ({
      Config: configName(manifest.config.digest),
      RepoTags: names.length === 0 ? null : names.map((name) => familiarText(parseReference(name))),
      Layers: layers.map(({ diffId }) => layerName(diffId)),
    })),
  );
  const written = new Set<Digest>();
  for (const { manifest, layers } of images) {
    const { digest, size } = manifest.config;
    if (!written.has(digest)) {
      yield member(configName(digest), size, () => verified(opened(options, digest), digest, options.signal));
    }
    written.add(digest);
    for (const layer of layers) {
      if (!written.has(layer.diffId)) yield layerMember(layer, options);
      written.add(layer.diffId);
    }
  }
}

function layerMember({ blob, diffId, size }: SavedLayer, options: SaveOptions): TarMember {
  const { compression } = layerType(blob.mediaType, `layer ${blob.digest}`);
  const content = (): AsyncIterable<Uint8Array> =>
    verified(decompressed(opened(options, blob.digest), compression, options.signal), diffId, options.signal);
  return member(layerName(diffId), size, content);
}
