/** The media types that are known: OCI image-spec 1.1 (media-types.md) and Docker's image manifest version 2, schema 2. */
import { ImageError, shown } from '../errors.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

/** What a registry is asked for. */
export const MANIFEST_TYPES = [OCI_INDEX, OCI_MANIFEST, DOCKER_MANIFEST_LIST, DOCKER_MANIFEST] as const;

export type IndexMediaType = typeof OCI_INDEX | typeof DOCKER_MANIFEST_LIST;
export type ImageMediaType = typeof OCI_MANIFEST | typeof DOCKER_MANIFEST;
export type ManifestMediaType = IndexMediaType | ImageMediaType;

export function isManifestType(mediaType: string): mediaType is ManifestMediaType {
  return (MANIFEST_TYPES as readonly string[]).includes(mediaType);
}

export function isIndexType(mediaType: string): mediaType is IndexMediaType {
  return mediaType === OCI_INDEX || mediaType === DOCKER_MANIFEST_LIST;
}

/** Manifests of old that carry no digests of their content's bytes. */
const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+';

/** Throws ImageError unsupported_media_type that names `what`. */
export function checkManifestType(mediaType: string, what: string): ManifestMediaType {
  if (isManifestType(mediaType)) return mediaType;
  const kind = mediaType.startsWith(SCHEMA_1) ? 'a manifest of schema 1' : `the media type "${shown(mediaType)}"`;
  throw new ImageError('unsupported_media_type', `${what}: ${kind} is not supported`);
}

export type Compression = 'none' | 'gzip' | 'zstd';

export interface LayerType {
  readonly compression: Compression;
  /** Its licence forbids to push it to others: "foreign" in Docker's words. */
  readonly isNondistributable: boolean;
}

function layer(compression: Compression, isNondistributable = false): LayerType {
  return { compression, isNondistributable };
}

const LAYER_TYPES: ReadonlyMap<string, LayerType> = new Map([
  [OCI_LAYER, layer('none')],
  [OCI_LAYER_GZIP, layer('gzip')],
  [OCI_LAYER_ZSTD, layer('zstd')],
  ['application/vnd.docker.image.rootfs.diff.tar', layer('none')],
  [DOCKER_LAYER_GZIP, layer('gzip')],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', layer('zstd')],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar', layer('none', true)],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', layer('gzip', true)],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar', layer('none', true)],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', layer('gzip', true)],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', layer('zstd', true)],
]);

/** Throws ImageError unsupported_media_type that names `what`. */
export function layerType(mediaType: string, what: string): LayerType {
  const type = LAYER_TYPES.get(mediaType);
  if (type === undefined) {
    throw new ImageError(
      'unsupported_media_type',
      `${what}: "${shown(mediaType)}" is not a layer that can be unpacked`,
    );
  }
  return type;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG;
}
