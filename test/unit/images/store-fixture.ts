/** A store in a directory of its own, with the registry that daemons have. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, type Digest } from '../../../daemon/images/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../../daemon/images/manifest/media-types.ts';
import type { Content, Source } from '../../../daemon/images/store/fill-part.ts';
import { ImageStore } from '../../../daemon/images/store/image-store.ts';
import type { Lease } from '../../../daemon/images/store/lease.ts';
import type { LayerRow } from '../../../daemon/images/store/records.ts';
import { StorePlaces } from '../../../daemon/images/store/store-places.ts';
import type { ImageRow, ManifestRow } from '../../../daemon/registry/images.ts';
import { Registry } from '../../../daemon/registry/registry.ts';

export const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
export const AT = '2026-01-01T00:00:00.000000000Z';

export class StoreFixture {
  readonly root: string;
  readonly places: StorePlaces;
  readonly troubles: unknown[] = [];
  registry: Registry;
  store: ImageStore;

  constructor(root = mkdtempSync(join(tmpdir(), 'tare-store-')), bootId = 'boot-1') {
    this.root = root;
    this.places = new StorePlaces(root);
    [this.registry, this.store] = this.open(bootId);
  }

  /** As if the daemon had been killed and started again, in the same boot or another. */
  async restart(bootId = 'boot-1'): Promise<void> {
    await this.store.close();
    this.registry.close();
    [this.registry, this.store] = this.open(bootId);
  }

  async remove(): Promise<void> {
    await this.store.close();
    this.registry.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  private open(bootId: string): [Registry, ImageStore] {
    const registry = Registry.open({ root: this.root, migrations: MIGRATIONS });
    const records = registry.imageContent;
    const onTrouble = (error: unknown): void => {
      this.troubles.push(error);
    };
    return [registry, new ImageStore({ root: this.root, records, bootId, onTrouble })];
  }
}

export interface Blob {
  readonly content: Buffer;
  readonly digest: Digest;
  readonly size: number;
}

export function blobOf(content: Buffer | string): Blob {
  const bytes = Buffer.from(content);
  return { content: bytes, digest: digestOf(bytes), size: bytes.length };
}

export function randomBlob(size: number): Blob {
  return blobOf(randomBytes(size));
}

// eslint-disable-next-line @typescript-eslint/require-await
export async function* piecesOf(content: Buffer, size = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

/** A source that can go on anywhere, and remembers where it was asked to. */
export function sourceOf(content: Buffer): Source & { readonly asked: number[] } {
  const asked: number[] = [];
  const source = (from: number): Content => {
    asked.push(from);
    return { from, stream: piecesOf(content.subarray(from)) };
  };
  return Object.assign(source, { asked });
}

/** Unpacks into a single file. */
export function fillWith(text: string, dependsOnLower = false) {
  return async (directory: string) => {
    await mkdir(directory);
    await writeFile(join(directory, 'file'), text);
    return { size: text.length, dependsOnLower, hidesLower: text === 'opaque' };
  };
}

export interface Image {
  readonly row: ManifestRow;
  readonly manifest: Digest;
  readonly config: Digest;
  readonly layers: readonly { readonly blob: Digest; readonly layer: Digest }[];
}

/** Puts an image of layers with these texts into the store, without a name yet: as a pull does it. */
export async function putImage(fixture: StoreFixture, lease: Lease, texts: readonly string[]): Promise<Image> {
  const { store, registry } = fixture;
  const layers = await Promise.all(texts.map((text) => putLayer(store, lease, text)));
  const config = await store.contents.put(lease, Buffer.from(JSON.stringify({ texts })));
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.size },
    layers: layers.map(({ blob, size }) => ({ mediaType: OCI_LAYER, digest: blob, size })),
  };
  const { digest } = await store.contents.put(lease, Buffer.from(JSON.stringify(document)));
  const row: ManifestRow = {
    digest,
    mediaType: OCI_MANIFEST,
    config: config.digest,
    os: 'linux',
    architecture: 'amd64',
    variant: null,
    createdAt: AT,
    layers: layers.map(({ blob, row: { id } }) => ({ blob, layer: id })),
  };
  registry.commit(() => {
    registry.images.insert(row);
  });
  const pairs = layers.map(({ blob, row: { id } }) => ({ blob, layer: id }));
  return { row, manifest: digest, config: config.digest, layers: pairs };
}

async function putLayer(
  store: ImageStore,
  lease: Lease,
  text: string,
): Promise<{ readonly blob: Digest; readonly size: number; readonly row: LayerRow }> {
  const blob = blobOf(`blob of ${text}`);
  await store.contents.ingest(lease, blob, sourceOf(blob.content));
  const diffId = digestOf(`layer of ${text}`);
  const row = await store.layers.make(lease, { diffId, chainId: diffId }, fillWith(text));
  return { blob: blob.digest, size: blob.size, row };
}

export function imageRow(name: string, manifest: string): ImageRow {
  return { name, manifest, target: manifest, isShared: true, taggedAt: AT };
}
