/** Where a sparse file has data, lseek(2): SEEK_DATA and SEEK_HOLE. */
import { SystemError, systemCall } from './libc.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** There is no data behind the offset. */
const ENXIO = 6;

const lseek = systemCall<[fd: number, offset: number, whence: number]>(
  'int64_t lseek(int fd, int64_t offset, int whence)',
);

export interface FilePart {
  readonly offset: number;
  readonly length: number;
}

/**
 * The parts of the file's first `size` bytes that hold data, in order; what lies between them reads as zeros. Holes of
 * less than `least` bytes count as data. Undefined: there are more than `most` parts. Moves the file's offset. Throws SystemError.
 */
export function partsOf(fd: number, size: number, least: number, most: number): FilePart[] | undefined {
  const parts: FilePart[] = [];
  let [offset, end] = [0, 0];
  for (let at = 0; at < size; at = end) {
    const data = nextData(fd, at);
    if (data === undefined || data >= size) break;
    const last = parts.at(-1);
    end = Math.min(lseek(fd, data, SEEK_HOLE), size);
    const isJoined = last !== undefined && data - (last.offset + last.length) < least;
    if (isJoined) parts.pop();
    else if (parts.length === most) return undefined;
    offset = isJoined ? last.offset : data;
    parts.push({ offset, length: end - offset });
  }
  return parts;
}

function nextData(fd: number, from: number): number | undefined {
  try {
    return lseek(fd, from, SEEK_DATA);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ENXIO) return undefined;
    throw error;
  }
}
