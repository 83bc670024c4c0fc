/**
 * Digests: the name of content that follows from the content. OCI image-spec 1.1, descriptor.md, "Digests". The two
 * registered algorithms are known; of others the length could not be checked, so they are refused.
 */
import { createHash, type Hash } from 'node:crypto';
import { ImageError, shown } from './errors.ts';

export type DigestAlgorithm = 'sha256' | 'sha512';
/** "sha256:" and 64, or "sha512:" and 128 lower-case hexadecimal digits. Nothing else, so it is safe in a path. */
export type Digest = `${DigestAlgorithm}:${string}`;

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && PATTERN.test(text);
}

/** Throws ImageError invalid_reference. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new ImageError(
    'invalid_reference',
    `"${shown(text)}" is not a digest: sha256: and 64, or sha512: and 128 lower-case hexadecimal digits`,
  );
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

/** The digits alone. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** For content that is small or comes in pieces: hashing holds the event loop, about 1 ms a MiB. */
export function digestOf(content: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
}

/** Takes content piece by piece and tells at the end whether it is what was promised. */
export class DigestVerifier {
  readonly digest: Digest;
  private readonly hash: Hash;
  private length = 0;

  constructor(digest: Digest) {
    this.digest = digest;
    this.hash = createHash(digestAlgorithm(digest));
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.length;
  }

  update(piece: Uint8Array): void {
    this.length += piece.length;
    this.hash.update(piece);
  }

  /** Throws ImageError digest_mismatch that names `what`. May be called once. */
  verify(what: string): void {
    const found = `${digestAlgorithm(this.digest)}:${this.hash.digest('hex')}`;
    if (found !== this.digest) {
      throw new ImageError('digest_mismatch', `${what}: the content is ${found}, not ${this.digest}`);
    }
  }
}
