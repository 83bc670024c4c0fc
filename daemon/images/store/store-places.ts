/** Every path of the content store. All directories are 0700: what an image holds is nobody's business on the host. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { digestAlgorithm, digestHex, type Digest } from '../digest.ts';

export const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

export class StorePlaces {
  readonly root: string;
  /** blobs/sha256/<hex> */
  readonly blobs: string;
  /** <hex>.part of what is being fetched, new-<random>.part of what has no digest yet. */
  readonly ingest: string;
  /** <hex>/fs */
  readonly layers: string;
  /** <random>/fs: layers that are not whole. */
  readonly unpack: string;
  /** <random>: what was taken away and is being deleted. */
  readonly trash: string;

  /** `root`: the daemon's root directory, absolute. */
  constructor(root: string) {
    this.root = join(root, 'images');
    this.blobs = join(this.root, 'blobs');
    this.ingest = join(this.root, 'ingest');
    this.layers = join(this.root, 'layers');
    this.unpack = join(this.root, 'unpack');
    this.trash = join(this.root, 'trash');
  }

  get directories(): readonly string[] {
    const algorithms = (['sha256', 'sha512'] as const).map((algorithm) => join(this.blobs, algorithm));
    return [this.root, this.blobs, ...algorithms, this.ingest, this.layers, this.unpack, this.trash];
  }

  make(): void {
    for (const directory of this.directories) {
      mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
      // the umask may have taken bits, and an older directory may have others
      chmodSync(directory, DIRECTORY_MODE);
    }
  }

  blob(digest: Digest): string {
    return join(this.blobs, digestAlgorithm(digest), digestHex(digest));
  }

  /** The two algorithms' digits differ in number, so they cannot meet. */
  part(digest: Digest): string {
    return join(this.ingest, `${digestHex(digest)}.part`);
  }

  layer(id: Digest): string {
    return join(this.layers, digestHex(id));
  }

  /** The layer's root directory, a lower directory of overlays. */
  layerRoot(id: Digest): string {
    return join(this.layer(id), 'fs');
  }
}
