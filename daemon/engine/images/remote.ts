/** What a registry has under a name, without fetching it. */
import type { RemoteImage, RemoteQuery } from '../../../shared/api/image.ts';
import type { RegistryAuth } from '../../api/engine.ts';
import { ImageError } from '../../images/errors.ts';
import type { Descriptor } from '../../images/manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import { parseImageConfig } from '../../images/manifest/image-config.ts';
import { type ImageManifest, parseManifest } from '../../images/manifest/manifest.ts';
import { type Platform, platformText } from '../../images/manifest/platform.ts';
import { type Reference, familiarText, parseReference, withDefaultTag } from '../../images/reference.ts';
import type { RegistryClient } from '../../images/registry/client.ts';
import { openClient } from './client.ts';
import type { MovingContext } from './context.ts';
import { imageError } from './image-error.ts';
import { unauthorized } from './refusal.ts';

/** Throws `invalid_reference`, `image_not_found`, and what registries refuse. */
export async function remoteImage(
  context: MovingContext,
  { reference: text }: RemoteQuery,
  auth: RegistryAuth,
  signal: AbortSignal,
): Promise<RemoteImage> {
  try {
    const reference = withDefaultTag(parseReference(text));
    return await context.images.work.run(signal, async (either) => {
      const client = await openClient(context, reference.registry, auth);
      return await look(client, reference, either).catch((error: unknown) => {
        throw unauthorized(error, familiarText(reference), reference.registry, auth !== undefined);
      });
    });
  } catch (error) {
    throw imageError(error, 'reference');
  }
}

async function look(client: RegistryClient, reference: Reference, signal: AbortSignal): Promise<RemoteImage> {
  const what = familiarText(reference);
  const { bytes, descriptor } = await client.fetchManifest(reference, { signal });
  const manifest = parseManifest(bytes, descriptor.mediaType, what);
  const platforms =
    manifest.kind === 'index'
      ? manifest.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]))
      : [await platformOf(client, reference, manifest, signal)];
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size, platforms: [...new Set(platforms.map(platformText))] };
}

/** As the image's configuration says. */
async function platformOf(
  client: RegistryClient,
  reference: Reference,
  { config }: ImageManifest,
  signal: AbortSignal,
): Promise<Platform> {
  return parseImageConfig(await documentOf(client, reference, config, signal), familiarText(reference)).platform;
}

async function documentOf(
  client: RegistryClient,
  reference: Reference,
  config: Descriptor,
  signal: AbortSignal,
): Promise<Buffer> {
  if (config.size > DOCUMENT_BYTES_MAX) {
    throw new ImageError('too_large', `${familiarText(reference)}: its configuration is larger than 4 MiB`);
  }
  const { stream } = await client.fetchBlob(reference, config, { signal });
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
