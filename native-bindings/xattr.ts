/** Extended attributes, xattr(7). Names and paths are texts of one character a byte (directory-entries.ts). */
import { type CName, cName } from './directory-entries.ts';
import { SystemError, systemCall, triedCall } from './libc.ts';

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of include/uapi/linux/limits.h. */
const LARGEST = 65536;
const ENODATA = 61;
const EOPNOTSUPP = 95;

const fsetxattr = systemCall<[fd: number, name: CName, value: Uint8Array, size: number, flags: number]>(
  'int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)',
);
const lsetxattr = systemCall<[path: CName, name: CName, value: Uint8Array, size: number, flags: number]>(
  'int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)',
);
/** As usual as success: most files have no attributes, and some file systems none at all. */
const NONE = [ENODATA, EOPNOTSUPP];

const lgetxattr = triedCall<[path: CName, name: CName, value: Uint8Array, size: number]>(
  'long lgetxattr(const char *path, const char *name, void *value, size_t size)',
  NONE,
);
const llistxattr = triedCall<[path: CName, list: Uint8Array, size: number]>(
  'long llistxattr(const char *path, char *list, size_t size)',
  NONE,
);

const getxattr = systemCall<[path: string, name: CName, value: Uint8Array, size: number]>(
  'long getxattr(const char *path, const char *name, void *value, size_t size)',
);
const listxattr = systemCall<[path: string, list: Uint8Array, size: number]>(
  'long listxattr(const char *path, char *list, size_t size)',
);

/** Throws SystemError: EOPNOTSUPP where the file system has none, EPERM for user.* of what is no file or directory. */
export function setXattr(fd: number, name: string, value: Uint8Array): void {
  fsetxattr(fd, cName(name), value, value.length, 0);
}

/** Of the entry of an open directory itself, also where it is a symbolic link. Throws SystemError. */
export function setXattrAt(directory: number, name: string, attribute: string, value: Uint8Array): void {
  lsetxattr(cName(`/proc/self/fd/${String(directory)}/${name}`), cName(attribute), value, value.length, 0);
}

/** Reused from file to file. Calls here are synchronous, and what they give is copied. */
let room: Buffer | undefined;

/** The value, of a link itself; undefined where there is none. Throws SystemError. */
export function getXattr(path: string, name: string): Buffer | undefined {
  room ??= Buffer.allocUnsafeSlow(LARGEST);
  const length = lgetxattr(cName(path), cName(name), room, room.length);
  return length < 0 ? undefined : Buffer.from(room.subarray(0, length));
}

/** The names, of a link itself; none where the file system has no attributes. Throws SystemError. */
export function listXattrs(path: string): string[] {
  room ??= Buffer.allocUnsafeSlow(LARGEST);
  const length = llistxattr(cName(path), room, room.length);
  return room
    .toString('latin1', 0, Math.max(0, length))
    .split('\0')
    .filter((name) => name !== '');
}

/**
 * The attributes of what is open, by whatever means (O_PATH is enough), that `wanted` says yes to. None where the file
 * system has none. Throws SystemError.
 */
export function readXattrs(fd: number, wanted: (name: string) => boolean): Map<string, Buffer> {
  room ??= Buffer.allocUnsafeSlow(LARGEST);
  // the link in /proc leads to the file itself, and not further where that is a symbolic link
  const path = `/proc/self/fd/${String(fd)}`;
  const found = new Map<string, Buffer>();
  try {
    const length = listxattr(path, room, room.length);
    if (length === 0) return found;
    for (const name of room.toString('latin1', 0, length).split('\0')) {
      if (name === '' || !wanted(name)) continue;
      const value = valueOf(path, name, room);
      if (value !== undefined) found.set(name, value);
    }
    return found;
  } catch (error) {
    if (error instanceof SystemError && error.errno === EOPNOTSUPP) return found;
    throw error;
  }
}

function valueOf(path: string, name: string, into: Buffer): Buffer | undefined {
  try {
    return Buffer.from(into.subarray(0, getxattr(path, cName(name), into, into.length)));
  } catch (error) {
    // it was taken away meanwhile
    if (error instanceof SystemError && (error.errno === ENODATA || error.errno === EOPNOTSUPP)) return undefined;
    throw error;
  }
}
