/** Is a file what its name in the store says? */
import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { DigestVerifier, type Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';

const READ_SIZE = 256 * 1024;

export type FileVerdict = 'sound' | 'missing' | 'wrong_size' | 'damaged';

/** `size`: undefined where none was recorded. Reads it all, piece by piece. Throws errors of fs but for absence. */
export async function verifyFile(path: string, digest: Digest, size: number | undefined): Promise<FileVerdict> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return 'missing';
  try {
    if (size !== undefined && (await file.stat()).size !== size) return 'wrong_size';
    const verifier = new DigestVerifier(digest);
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      verifier.update(buffer.subarray(0, bytesRead));
    }
    verifier.verify(path);
    return 'sound';
  } catch (error) {
    if (error instanceof ImageError && error.code === 'digest_mismatch') return 'damaged';
    throw error;
  } finally {
    await file.close();
  }
}
