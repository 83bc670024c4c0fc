/** An image as a directory, OCI image-spec 1.1, image-layout.md: for other tools to read. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** The layers are uncompressed archives, the lowest first; the image's tag is "image". */
export function writeOciLayout(directory: string, layers: readonly Buffer[]): void {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const put = (mediaType: string, bytes: Buffer) => {
    writeFileSync(join(directory, 'blobs/sha256', digest(bytes)), bytes);
    return {
      mediaType: `application/vnd.oci.image.${mediaType}`,
      digest: `sha256:${digest(bytes)}`,
      size: bytes.length,
    };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const config = put(
    'config.v1+json',
    json({
      ...{ architecture: 'amd64', os: 'linux', config: {} },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${digest(layer)}`) },
    }),
  );
  const blobs = layers.map((layer) => put('layer.v1.tar+gzip', gzipSync(layer)));
  const manifest = put(
    'manifest.v1+json',
    json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: blobs }),
  );
  const annotations = { 'org.opencontainers.image.ref.name': 'image' };
  writeFileSync(join(directory, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(directory, 'index.json'), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
}
