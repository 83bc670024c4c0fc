/**
 * Small images for tests, made in memory in a few milliseconds: as an OCI layout, as archives of both kinds, or in a registry of
 * the test's own. Honest ones by default; `document`, `manifestDocument` and layers that lie are for those that attack.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ArchiveFormat, Progress } from '../../shared/api/image.ts';
import type { Answer } from './client.ts';
import type { TestDaemon } from './daemon.ts';
import { busyboxLayer, manyLayers, oddLayers } from './image-layers.ts';
import type { TestDescriptor, TestRegistry } from './registry.ts';
import { directory, tar, type Member } from './tar.ts';

export type Digest = `sha256:${string}`;
type Json = Readonly<Record<string, unknown>>;

export const sha256 = (bytes: Uint8Array | string): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export interface LayerSpec {
  /** The uncompressed archive. */
  readonly tar: Buffer;
  readonly compression?: 'none' | 'gzip' | 'zstd';
  /** The blob as it is sent, where it is not simply the archive compressed. */
  readonly blob?: Buffer;
  /** What the configuration says of it, if not the truth. */
  readonly diffId?: string;
}

export interface ImageSpec {
  /** The lowest first; bare archives are compressed with gzip. Default: busyboxLayer() alone. */
  readonly layers?: readonly (Buffer | LayerSpec)[];
  /** The configuration's "config": { Env, Cmd, Entrypoint, User, WorkingDir, Volumes, Labels, … }. */
  readonly config?: Json;
  /** Over everything in the configuration: { architecture, variant, os, created, history, rootfs, … }. */
  readonly document?: Json;
  /** Over everything in the manifest: { annotations, subject, layers, … }. */
  readonly manifestDocument?: Json;
  /** Media types of OCI (default) or of Docker. */
  readonly form?: 'oci' | 'docker';
}

export interface TestImage {
  /** Digest of the configuration. */
  readonly id: Digest;
  /** Of the manifest. */
  readonly descriptor: TestDescriptor;
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
  /** Uncompressed archives, the lowest first. */
  readonly layers: readonly Buffer[];
  /** What the manifest says of them. */
  readonly layerDescriptors: readonly TestDescriptor[];
  /** Configuration and layers by digest; not the manifest. */
  readonly blobs: ReadonlyMap<Digest, Buffer>;
}

const TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  },
} as const;

/** Bytes of one gzip stream are the same each time: its header has no time. */
function compressed({ tar: bytes, compression = 'gzip', blob }: LayerSpec): Buffer {
  if (blob !== undefined) return blob;
  if (compression === 'none') return bytes;
  return compression === 'gzip' ? gzipSync(bytes, { level: 1 }) : zstdCompressSync(bytes);
}

export const ENV_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function makeImage(spec: ImageSpec = {}): TestImage {
  const { layers = [busyboxLayer()], form = 'oci', document = {}, manifestDocument = {} } = spec;
  const types = TYPES[form];
  const specs = layers.map((layer): LayerSpec => (Buffer.isBuffer(layer) ? { tar: layer } : layer));
  const blobs = new Map<Digest, Buffer>();
  const keep = (mediaType: string, bytes: Buffer): TestDescriptor => {
    blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  const config = json({
    ...{ architecture: 'amd64', os: 'linux', created: '2024-01-02T03:04:05Z' },
    config: { Env: [ENV_PATH], Cmd: ['/bin/sh'], ...spec.config },
    rootfs: { type: 'layers', diff_ids: specs.map((layer) => layer.diffId ?? sha256(layer.tar)) },
    history: specs.map((_, index) => ({ created: '2024-01-02T03:04:05Z', created_by: `layer ${index + 1} of a test` })),
    ...document,
  });
  const configDescriptor = keep(types.config, config);
  const layerDescriptors = specs.map((layer) => keep(types[layer.compression ?? 'gzip'], compressed(layer)));
  const manifest = json({
    ...{ schemaVersion: 2, mediaType: types.manifest, config: configDescriptor, layers: layerDescriptors },
    ...manifestDocument,
  });
  const { os, architecture, variant } = JSON.parse(config.toString()) as TestImage['platform'];
  return {
    id: configDescriptor.digest,
    descriptor: { mediaType: types.manifest, digest: sha256(manifest), size: manifest.length },
    ...{ manifest, config, layerDescriptors, blobs },
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    layers: specs.map((layer) => layer.tar),
  };
}

export const busyboxImage = (spec: Omit<ImageSpec, 'layers'> = {}): TestImage => makeImage(spec);
/** Ten layers with whiteouts, hardlinks, xattrs and odd ids (oddLayers()). */
export const oddImage = (spec: Omit<ImageSpec, 'layers'> = {}): TestImage =>
  makeImage({ ...spec, layers: oddLayers() });
export const imageOfLayers = (count: number, spec: Omit<ImageSpec, 'layers'> = {}): TestImage =>
  makeImage({ ...spec, layers: manyLayers(count) });

/** Puts it into a registry as path:tag; what the tag then means. */
export function publish(
  registry: TestRegistry,
  path: string,
  tag: string | undefined,
  image: TestImage,
): TestDescriptor {
  for (const bytes of image.blobs.values()) registry.addBlob(path, bytes);
  const { mediaType, digest } = image.descriptor;
  for (const key of [`${path}@${digest}`, ...(tag === undefined ? [] : [`${path}:${tag}`])]) {
    registry.manifests.set(key, { bytes: image.manifest, mediaType });
  }
  return image.descriptor;
}

/** The same for several platforms: an index of them is what the tag means. */
export function publishIndex(
  registry: TestRegistry,
  path: string,
  tag: string,
  images: readonly TestImage[],
): TestDescriptor {
  const manifests = images.map((image) => ({ ...publish(registry, path, undefined, image), platform: image.platform }));
  return registry.addManifest(path, tag, { schemaVersion: 2, mediaType: TYPES.oci.index, manifests }, TYPES.oci.index);
}

type Named = Readonly<Record<string, TestImage>>;

/** Files of an OCI layout (image-layout.md) by path; names become org.opencontainers.image.ref.name. */
export function layoutFiles(images: Named): Map<string, Buffer> {
  const files = new Map([['oci-layout', json({ imageLayoutVersion: '1.0.0' })]]);
  const manifests = Object.entries(images).map(([name, { descriptor }]) => ({
    ...descriptor,
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  for (const { manifest, blobs } of Object.values(images)) {
    for (const bytes of [manifest, ...blobs.values()]) files.set(`blobs/sha256/${sha256(bytes).slice(7)}`, bytes);
  }
  return files.set('index.json', json({ schemaVersion: 2, mediaType: TYPES.oci.index, manifests }));
}

/** Files of what `docker save` of before version 25 writes, by path; names are full, with a tag. */
export function dockerArchiveFiles(images: Named): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const manifest = Object.entries(images).map(([name, { id, config, layers }]) => {
    files.set(`${id.slice(7)}.json`, config);
    const paths = layers.map((bytes) => {
      const path = `${sha256(bytes).slice(7)}/layer.tar`;
      files.set(path, bytes);
      return path;
    });
    return { Config: `${id.slice(7)}.json`, RepoTags: name === '' ? null : [name], Layers: paths };
  });
  return files.set('manifest.json', json(manifest));
}

/** As a tar archive, directories first. */
export function archiveOf(files: ReadonlyMap<string, Buffer>): Buffer {
  const folders = new Set([...files.keys()].flatMap((path) => parentsOf(path)));
  const members = [...files].map(([name, data]): Member => ({ name, data }));
  return tar(...[...folders].map((name) => directory(`${name}/`)), ...members);
}

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [...parentsOf(parent), parent];
}

export const ociArchive = (images: Named): Buffer => archiveOf(layoutFiles(images));
export const dockerArchive = (images: Named): Buffer => archiveOf(dockerArchiveFiles(images));

/** As a directory, for skopeo and umoci ("oci:FOLDER:NAME"). */
export function writeLayout(folder: string, images: Named): void {
  for (const [path, bytes] of layoutFiles(images)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

const TAR = { 'content-type': 'application/x-tar' };

/** What a request that tells its progress answered: an image or a problem (`code`, `detail`), whichever came. */
export type Told<T> = Answer<T & { readonly code?: string; readonly detail?: string }>;

interface Stored {
  readonly images: readonly { readonly id: string; readonly manifest: string; readonly names: readonly string[] }[];
}

export function pullFrom(
  daemon: TestDaemon,
  reference: string,
  more: Json = {},
): Promise<Told<Stored & { upToDate: boolean }>> {
  return daemon.client.send('POST', '/v1/images/pull', { reference, ...more });
}

export function loadFrom(daemon: TestDaemon, archive: Buffer): Promise<Told<Stored>> {
  return daemon.client.send('POST', '/v1/images/load', archive, TAR);
}

/** Throws the problem where there is one. */
export async function saveFrom(
  daemon: TestDaemon,
  images: readonly string[],
  format: ArchiveFormat = 'docker-archive',
): Promise<Buffer> {
  const answer = await daemon.client.open('POST', '/v1/images/save', { images, format });
  const body = await buffer(answer);
  if (answer.statusCode !== 200) throw new Error(`save: ${answer.statusCode} ${body.toString()}`);
  return body;
}

/** `query`: { name, message, platform, change }. */
export function importFrom(
  daemon: TestDaemon,
  archive: Buffer,
  query: Readonly<Record<string, string>> = {},
): Promise<Told<Stored['images'][number]>> {
  return daemon.client.send('POST', `/v1/images/import?${new URLSearchParams(query).toString()}`, archive, TAR);
}

/** Loads it under a name; its id. What a test does that needs an image and does not care how it came. */
export async function haveImage(daemon: TestDaemon, name = 'busybox:latest', image = busyboxImage()): Promise<string> {
  const { status, body } = await loadFrom(daemon, ociArchive({ [name]: image }));
  if (status !== 200) throw new Error(`load of ${name}: ${status} ${JSON.stringify(body)}`);
  return image.id;
}

/** The items of an answer in newline-delimited JSON. */
export function progressOf(body: string): Progress[] {
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Progress);
}
