/** What is written of an image, whichever form the archive has. */
import type { Readable } from 'node:stream';
import { DigestVerifier, type Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import type { TarMember, WrittenEntry } from '../tar/writer.ts';

export interface SavedLayer {
  /** As the store has it. */
  readonly blob: Descriptor;
  readonly diffId: Digest;
  /** Bytes of the uncompressed archive. */
  readonly size: number;
}

export interface SavedImage {
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  /** The lowest first. */
  readonly layers: readonly SavedLayer[];
  /** Canonical, with tags. */
  readonly names: readonly string[];
}

export interface SaveOptions {
  /** Content of the store. */
  readonly open: (digest: Digest) => Promise<Readable>;
  readonly signal: AbortSignal;
}

/** The same at any time: nothing of an archive is from when it was written. */
function entryOf(name: string, size: number): WrittenEntry {
  return { kind: 'file', name, size, mode: 0o644, uid: 0, gid: 0, modified: { seconds: 0, nanoseconds: 0 } };
}

export function document(name: string, value: unknown): TarMember {
  const bytes = Buffer.from(JSON.stringify(value));
  return { entry: entryOf(name, bytes.length), content: () => [bytes] };
}

export function member(name: string, size: number, content: () => AsyncIterable<Uint8Array>): TarMember {
  return { entry: entryOf(name, size), ...(size === 0 ? {} : { content }) };
}

export function folder(name: string): TarMember {
  return { entry: { ...entryOf(name, 0), kind: 'directory', mode: 0o755 } };
}

/** What comes, as it comes, and at its end whether it was what it should be. Throws ImageError store_damaged. */
export async function* verified(
  source: AsyncIterable<Uint8Array>,
  digest: Digest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const verifier = new DigestVerifier(digest);
  for await (const piece of source) {
    signal.throwIfAborted();
    verifier.update(piece);
    yield piece;
  }
  try {
    verifier.verify('the store');
  } catch (error) {
    throw new ImageError('store_damaged', `what the store has of ${digest} is not what was put there`, {
      cause: error,
    });
  }
}

/** Opened as it is asked for, closed where its reader leaves. */
export async function* opened({ open }: SaveOptions, digest: Digest): AsyncGenerator<Buffer> {
  yield* (await open(digest)) as AsyncIterable<Buffer>;
}
