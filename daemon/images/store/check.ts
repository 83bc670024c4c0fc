/**
 * Is the store what its rows say, and are its rows what is there? May run beside pulls and collections: everything is
 * looked at in its turn. Of an unpacked layer only that it is there can be told: no digest is kept of a directory.
 */
import { chmod, lstat, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isDigest, type Digest } from '../digest.ts';
import { checkBlobs } from './check-blobs.ts';
import { sweepLayer } from './collect.ts';
import { finding, type Finding } from './findings.ts';
import { layerIdOfName } from './layer-store.ts';
import { DIRECTORY_MODE } from './store-places.ts';
import type { StoreParts } from './store-parts.ts';

export interface CheckOptions {
  /** False if not said: nothing is changed. */
  readonly repair?: boolean;
  /** Between two blobs: reading all of them takes its time. */
  readonly signal?: AbortSignal;
}

/** Reads every blob: it takes the disk's time. Throws errors of fs and of the registry, the signal's reason. */
export async function check(parts: StoreParts, { repair = false, signal }: CheckOptions = {}): Promise<Finding[]> {
  return [
    ...(await checkDirectories(parts, repair)),
    ...(await checkBlobs(parts, repair, signal)),
    ...(await checkLayers(parts, repair)),
    ...(await checkTemporary(parts, repair)),
    ...(await checkNames(parts)),
  ];
}

function below(parts: StoreParts, path: string): string {
  return relative(join(parts.places.root, '..'), path);
}

async function checkDirectories(parts: StoreParts, repair: boolean): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const directory of parts.places.directories) {
    if (((await lstat(directory)).mode & 0o077) === 0) continue;
    const mend = (): Promise<void> => chmod(directory, DIRECTORY_MODE);
    found.push(await finding('open_mode', below(parts, directory), [], repair ? mend : undefined));
  }
  return found;
}

async function checkLayers(parts: StoreParts, repair: boolean): Promise<Finding[]> {
  const { places, records, layers } = parts;
  const found: (Finding | undefined)[] = [];
  for (const { id } of layers.list()) {
    found.push(await layers.turns.run(id, () => checkLayer(parts, id, repair)));
  }
  for (const name of await readdir(places.layers)) {
    const id = layerIdOfName(name);
    if (id === undefined) continue;
    const isRecorded = await layers.turns.run(id, () => records.layer(id)?.state === 'ready');
    const mend = (): Promise<void> => sweepLayer(parts, id);
    if (!isRecorded) found.push(await finding('layer_unrecorded', id, records.namesOf(id), repair ? mend : undefined));
  }
  return found.filter((one) => one !== undefined);
}

async function checkLayer({ places, records, trash }: StoreParts, id: Digest, repair: boolean) {
  if (records.layer(id)?.state !== 'ready') return undefined;
  const status = await lstat(places.layerRoot(id)).catch(() => undefined);
  if (status?.isDirectory() === true) return undefined;
  const mend = async (): Promise<void> => {
    records.forgetLayer(id);
    await trash.discard(places.layer(id));
  };
  return finding('layer_missing', id, records.namesOf(id), repair ? mend : undefined);
}

async function checkTemporary(parts: StoreParts, repair: boolean): Promise<Finding[]> {
  const { places, trash, layers } = parts;
  const paths = [
    ...(await trash.leftOvers()).map((name) => join(places.trash, name)),
    ...(await layers.leftOvers()).map((name) => join(places.unpack, name)),
  ];
  const found: Finding[] = [];
  for (const path of paths) {
    const mend = (): Promise<void> => trash.discard(path);
    found.push(await finding('temporary', below(parts, path), [], repair ? mend : undefined));
  }
  return found;
}

/** Names that are not ours; they are left alone. */
async function checkNames(parts: StoreParts): Promise<Finding[]> {
  const { places } = parts;
  const ours = new Set(parts.places.directories);
  const paths: string[] = [];
  for (const directory of [places.root, places.blobs]) {
    const names = await readdir(directory);
    paths.push(...names.map((name) => join(directory, name)).filter((path) => !ours.has(path)));
  }
  for (const algorithm of ['sha256', 'sha512']) {
    const names = await readdir(join(places.blobs, algorithm));
    const foreign = names.filter((name) => !isDigest(`${algorithm}:${name}`));
    paths.push(...foreign.map((name) => join(places.blobs, algorithm, name)));
  }
  const foreign = (await readdir(places.layers)).filter((name) => layerIdOfName(name) === undefined);
  paths.push(...foreign.map((name) => join(places.layers, name)));
  return Promise.all(paths.map((path) => finding('foreign', below(parts, path), [], undefined)));
}
