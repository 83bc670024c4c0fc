/** Configurations of images as they were read, by digest: the bytes of one digest never change. */
import type { ImageConfig } from '../../images/manifest/image-config.ts';

/** Of the documents together; most have some kilobytes. */
const BYTES_MAX = 4 * 1024 * 1024;

interface Kept {
  readonly config: ImageConfig;
  readonly size: number;
}

export class ImageConfigs {
  /** The one longest unused first. */
  private readonly kept = new Map<string, Kept>();
  private size = 0;

  get(digest: string): ImageConfig | undefined {
    const found = this.kept.get(digest);
    if (found === undefined) return undefined;
    this.kept.delete(digest);
    this.kept.set(digest, found);
    return found.config;
  }

  /** `size`: bytes of its document. */
  put(digest: string, config: ImageConfig, size: number): void {
    if (this.kept.has(digest)) return;
    this.kept.set(digest, { config, size });
    this.size += size;
    for (const [oldest, { size: freed }] of this.kept) {
      if (this.size <= BYTES_MAX) return;
      this.kept.delete(oldest);
      this.size -= freed;
    }
  }
}
