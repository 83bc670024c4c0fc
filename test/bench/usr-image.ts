/** An image as large as those of languages and databases: 200 MB of what this machine has below /usr, in five layers. */
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeImage, writeLayout } from '../harness/images.ts';

const BYTES = 200_000_000;
const LAYERS = 5;
/** One of so many files is taken, so that there are programs, libraries, texts and many small files. */
const EVERY = 3;
const LARGEST = 8_000_000;

/** Files and links below /usr by path without the first slash, the same on every run of one machine. */
function* filesBelow(folder: string): Generator<{ readonly path: string; readonly size: number }> {
  const entries = readdirSync(`/${folder}`, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile() || entry.isSymbolicLink()) yield { path, size: lstatSync(`/${path}`).size };
  }
}

function layersOfPaths(): string[][] {
  const layers: string[][] = Array.from({ length: LAYERS }, () => []);
  let [bytes, count] = [0, 0];
  for (const top of ['usr/bin', 'usr/lib', 'usr/share']) {
    for (const { path, size } of filesBelow(top)) {
      if (size > LARGEST || bytes + size >= BYTES || count++ % EVERY !== 0) continue;
      layers[Math.floor((bytes * LAYERS) / BYTES)]?.push(path);
      bytes += size;
    }
  }
  return layers;
}

export interface UsrImage {
  /** Of the layers, in megabytes: uncompressed, and as the registry has them. */
  readonly megabytes: number;
  readonly compressed: number;
  readonly files: number;
}

/** Writes it as the OCI layout `layout`, its name "usr". */
export function writeUsrImage(layout: string): UsrImage {
  const paths = layersOfPaths();
  const list = `${layout}.list`;
  const layers = paths.map((names) => {
    writeFileSync(list, names.join('\n'));
    const tar = execFileSync('tar', ['-C', '/', '--no-recursion', '-cf', '-', '-T', list], { maxBuffer: 2 * BYTES });
    return { tar, blob: gzipSync(tar) };
  });
  rmSync(list);
  writeLayout(layout, { usr: makeImage({ layers }) });
  const sum = (sizes: readonly number[]): number => Math.round(sizes.reduce((total, size) => total + size, 0) / 1e6);
  return {
    megabytes: sum(layers.map(({ tar }) => tar.length)),
    compressed: sum(layers.map(({ blob }) => blob.length)),
    files: paths.flat().length,
  };
}

/** For `docker load` and `podman load`, by skopeo. */
export function writeDockerArchive(layout: string, archive: string, name: string): void {
  execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${layout}:usr`, `docker-archive:${archive}:${name}`]);
}
