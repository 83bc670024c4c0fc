/** Whether a file is an archive that ADD unpacks: by its first bytes, and where those are gzip or zstd by what is in them. */
import { ImageError, shown } from '../../../images/errors.ts';
import { FileError } from '../../../images/pack/file-error.ts';
import { BLOCK, decodeHeader } from '../../../images/tar/header.ts';
import { compressionOf, decompressed } from '../../../images/unpack/decompress.ts';
import { breathing, readFile } from './entries.ts';

/** What bzip2 and xz begin with (their file formats), and what compressed archives of them are called. */
const OTHERS: readonly (readonly [beginning: Buffer, name: string])[] = [
  [Buffer.from('BZh'), 'bzip2'],
  [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), 'xz'],
];

/** How readFile() is decompressed: on this thread, which has nothing else to do. */
export const LENT = { here: true, isLent: true } as const;

/** Throws FileError unsupported for archives that nobody here unpacks, the signal's reason, what Node throws. */
export async function isArchive(fd: number, path: string, signal: AbortSignal): Promise<boolean> {
  const first = firstOf(fd);
  const other = OTHERS.find(([beginning]) => first.subarray(0, beginning.length).equals(beginning));
  if (other !== undefined) {
    throw new FileError(
      'unsupported',
      `${shown(path)} is compressed with ${other[1]}, which is not unpacked; COPY copies it as it is`,
    );
  }
  if (compressionOf(first) === 'none') return isHeader(first.subarray(0, BLOCK));
  try {
    let beginning = Buffer.alloc(0);
    for await (const piece of decompressed(breathing(readFile(fd), signal), 'detect', signal, LENT)) {
      beginning = Buffer.concat([beginning, piece.subarray(0, BLOCK)]);
      if (beginning.length >= BLOCK) break;
    }
    return isHeader(beginning.subarray(0, BLOCK));
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}

function firstOf(fd: number): Buffer {
  for (const piece of readFile(fd)) return piece;
  return Buffer.alloc(0);
}

function isHeader(block: Buffer): boolean {
  if (block.length < BLOCK || block[0] === 0) return false;
  try {
    decodeHeader(block);
    return true;
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}
