/** The part of check() that is about blobs and the documents among them. Each blob is looked at in its turn. */
import { chmod, lstat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseManifest } from '../manifest/manifest.ts';
import type { Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';
import { blobsOnDisk, sweepPart } from './collect.ts';
import { finding, type Finding, type FindingKind } from './findings.ts';
import type { ManifestContents } from './records.ts';
import { FILE_MODE } from './store-places.ts';
import { verifyFile } from './verify-file.ts';
import type { StoreParts } from './store-parts.ts';

const MANIFEST_MAX = 4 * 1024 * 1024;

export async function checkBlobs(parts: StoreParts, repair: boolean, signal?: AbortSignal): Promise<Finding[]> {
  const found: (Finding | undefined)[] = [];
  for (const digest of await blobsOnDisk(parts.places)) {
    found.push(await parts.contents.turns.run(digest, () => checkFile(parts, digest, repair)));
  }
  for (const { digest } of parts.records.blobs()) {
    signal?.throwIfAborted();
    found.push(await parts.contents.turns.run(digest, () => checkRow(parts, digest, repair)));
  }
  for (const manifest of parts.records.manifests()) found.push(await checkManifest(parts, manifest));
  for (const { name, digest } of await parts.contents.idleParts()) {
    found.push(await checkPart(parts, name, digest, repair));
  }
  return found.filter((one) => one !== undefined);
}

/** Is there a row for the file, and is it for nobody's eyes? */
async function checkFile(parts: StoreParts, digest: Digest, repair: boolean): Promise<Finding | undefined> {
  const { places, records, contents, trash, stamps } = parts;
  const path = places.blob(digest);
  if (contents.has(digest)) return checkMode(parts, path, digest, repair);
  const row = records.blob(digest);
  // left for a resumed pull, which hashes it
  if (row === undefined && records.isLeased(digest)) return undefined;
  const mend = async (): Promise<void> => {
    const isSound = row !== undefined && (await verifyFile(path, digest, row.size)) === 'sound';
    if (isSound) records.recordBlob(digest, row.size, stamps.next());
    else await trash.discard(path);
  };
  return finding('blob_unrecorded', digest, records.namesOf(digest), repair ? mend : undefined);
}

async function checkMode({ records }: StoreParts, path: string, digest: Digest, repair: boolean) {
  const status = await lstat(path).catch(() => undefined);
  if (status === undefined || (status.mode & 0o077) === 0) return undefined;
  const mend = (): Promise<void> => chmod(path, FILE_MODE);
  return finding('open_mode', digest, records.namesOf(digest), repair ? mend : undefined);
}

const VERDICTS = { missing: 'blob_missing', wrong_size: 'blob_wrong_size', damaged: 'blob_damaged' } as const;

/** Is there a file for the row, and is it what it should be? */
async function checkRow(parts: StoreParts, digest: Digest, repair: boolean): Promise<Finding | undefined> {
  const { places, records, trash } = parts;
  const row = records.blob(digest);
  if (row === undefined) return undefined;
  const images = records.namesOf(digest);
  if (row.state === 'missing') return finding('blob_lost', digest, images, undefined);
  const verdict = await verifyFile(places.blob(digest), digest, row.size);
  if (verdict === 'sound') return undefined;
  const mend = async (): Promise<void> => {
    records.forgetBlob(digest);
    await trash.discard(places.blob(digest));
  };
  return finding(VERDICTS[verdict], digest, images, repair ? mend : undefined);
}

/** Do the rows name what the document names? Only where the document is sound: else that was found before. */
async function checkManifest({ contents, records }: StoreParts, rows: ManifestContents): Promise<Finding | undefined> {
  const { digest, mediaType, config, layers } = rows;
  const agrees = await contents.read(digest, MANIFEST_MAX).then(
    (content) => {
      try {
        const document = parseManifest(content, mediaType, `manifest ${digest}`);
        return (
          document.kind === 'manifest' &&
          document.config.digest === config &&
          document.layers.length === layers.length &&
          document.layers.every((layer, index) => layer.digest === layers[index])
        );
      } catch (error) {
        if (error instanceof ImageError) return false;
        throw error;
      }
    },
    (error: unknown) => {
      if (error instanceof ImageError && error.code !== 'too_large') return true;
      throw error;
    },
  );
  return agrees ? undefined : finding('manifest_disagrees', digest, records.namesOf(digest), undefined);
}

async function checkPart(parts: StoreParts, name: string, digest: Digest | undefined, repair: boolean) {
  const { places, records, contents } = parts;
  const path = relative(join(places.root, '..'), join(places.ingest, name));
  let kind: FindingKind = 'part_abandoned';
  if (digest === undefined) kind = /^new-[0-9a-f]{32}\.part$/.test(name) ? 'temporary' : 'foreign';
  else if (records.isLeased(digest) && !contents.has(digest)) return undefined;
  const mend = kind === 'foreign' ? undefined : () => sweepPart(parts, name, digest);
  return finding(kind, path, [], repair ? mend : undefined);
}
