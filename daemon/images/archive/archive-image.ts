/** An image of an archive, whichever form that has. */
import type { Digest } from '../digest.ts';
import { ImageError, shown } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import { canonicalText, parseReference, withDefaultTag } from '../reference.ts';
import type { ArchiveContents, ArchiveFile } from './contents.ts';

export interface ArchiveImage {
  /** Begins messages: "debian:12", "image 2 of the archive". */
  readonly what: string;
  readonly manifest: { readonly descriptor: Descriptor; readonly bytes: Buffer };
  /** The manifest came with the archive; else it was made here, of a configuration and its layers. */
  readonly isOriginal: boolean;
  readonly config: Digest;
  /** Canonical, each with a tag. */
  readonly names: readonly string[];
  /** Contents by digest, also those that are in the store. */
  readonly files: ReadonlyMap<Digest, ArchiveFile>;
}

/** More are in no archive that anybody made. */
export const IMAGES_MAX = 1000;

/** Throws ImageError invalid_reference, also where it has a digest: archives say what an image is themselves. */
export function archiveName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === undefined) return canonicalText(withDefaultTag(reference));
  throw new ImageError('invalid_reference', `"${shown(text)}": an image of an archive has no digest in its name`);
}

/** How messages call the image at `index`. */
export function imageTitle(names: readonly string[], index: number): string {
  return names[0] ?? `image ${index + 1} of the archive`;
}

/** What it has of these contents. */
export function filesOf(archive: ArchiveContents, digests: readonly Digest[]): Map<Digest, ArchiveFile> {
  const found = digests.map((digest) => [digest, archive.findBlob(digest)] as const);
  return new Map(found.flatMap(([digest, file]) => (file === undefined ? [] : [[digest, file] as const])));
}
