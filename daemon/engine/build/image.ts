/** An image that a step begins with, or that it made. */
import type { Digest } from '../../images/digest.ts';
import { ImageError } from '../../images/errors.ts';
import type { Descriptor } from '../../images/manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import type { ImageConfig } from '../../images/manifest/image-config.ts';
import { parseManifest } from '../../images/manifest/manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../../images/manifest/media-types.ts';
import type { Platform } from '../../images/manifest/platform.ts';
import type { ManifestRow } from '../../registry/images.ts';
import { layerDirectories } from '../from-image/image-root.ts';
import { imageConfig } from '../images/find.ts';
import type { Session } from './session.ts';

export interface BuiltImage {
  /** "sha256:…"; "": nothing, what `FROM scratch` begins with. */
  readonly id: string;
  /** Absent: it is nothing. */
  readonly row: ManifestRow | undefined;
  readonly config: ImageConfig;
  /** Of its manifest and configuration; those of an image that is made of it are the same. */
  readonly mediaTypes: { readonly manifest: string; readonly config: string };
  readonly layers: readonly Descriptor[];
  /** Of its unpacked layers, the topmost first. */
  readonly directories: readonly string[];
}

export function nothing(platform: Platform): BuiltImage {
  return {
    ...{ id: '', row: undefined, mediaTypes: { manifest: OCI_MANIFEST, config: OCI_CONFIG } },
    ...{ config: { platform, run: {}, diffIds: [], history: [] }, layers: [], directories: [] },
  };
}

/** From now on it stays for as long as the build goes on. Throws ImageError blob_not_found, store_damaged. */
export async function readImage({ context, work }: Session, row: ManifestRow): Promise<BuiltImage> {
  work.lease.hold(row.digest as Digest, row.config as Digest);
  const bytes = await context.images.store.contents.read(row.digest as Digest, DOCUMENT_BYTES_MAX);
  const manifest = parseManifest(bytes, row.mediaType, `manifest ${row.digest}`);
  if (manifest.kind === 'index') throw new ImageError('store_damaged', `manifest ${row.digest} is an index`);
  return {
    ...{ id: row.config, row, config: await imageConfig(context, row), layers: manifest.layers },
    mediaTypes: { manifest: manifest.mediaType, config: manifest.config.mediaType },
    directories: layerDirectories(context, row),
  };
}

/** As people read it. */
export function shortId(id: string): string {
  return id.slice(id.indexOf(':') + 1).slice(0, 12);
}
