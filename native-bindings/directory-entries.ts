/**
 * Entries of an open directory by their names: openat(2) and its kin, for which Node has nothing. A name is a text of
 * one character a byte (latin1), as the kernel's names are bytes of any kind; it should be a single component.
 */
import { systemCall, triedCall } from './libc.ts';

export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;

/** What koffi hands on as `const char *`: a text becomes UTF-8, which is the same for ASCII alone. */
export type CName = string | Buffer;

const ASCII = /^[\x01-\x7f]*$/;

/** Throws RangeError for a NUL, which would end the name early, and for what is no byte. */
export function cName(name: string): CName {
  if (ASCII.test(name)) return name;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code === 0 || code > 0xff) throw new RangeError('a name holds a NUL or a character that is no byte');
  }
  return Buffer.from(`${name}\0`, 'latin1');
}

const openatCall = systemCall<[directory: number, name: CName, flags: number, mode: number]>(
  'int openat(int directory, const char *name, int flags, uint mode)',
);
/** A name that is too long is no entry's. */
const NO_ENTRY = [2, 36];
const openatTried = triedCall<[directory: number, name: CName, flags: number, mode: number]>(
  'int openat(int directory, const char *name, int flags, uint mode)',
  NO_ENTRY,
);
const mkdiratCall = systemCall<[directory: number, name: CName, mode: number]>(
  'int mkdirat(int directory, const char *name, uint mode)',
);
const mknodatCall = systemCall<[directory: number, name: CName, mode: number, device: bigint]>(
  'int mknodat(int directory, const char *name, uint mode, uint64_t device)',
);
const symlinkatCall = systemCall<[target: CName, directory: number, name: CName]>(
  'int symlinkat(const char *target, int directory, const char *name)',
);
const linkatCall = systemCall<[from: number, path: CName, directory: number, name: CName, flags: number]>(
  'int linkat(int from, const char *path, int directory, const char *name, int flags)',
);
const unlinkatCall = systemCall<[directory: number, name: CName, flags: number]>(
  'int unlinkat(int directory, const char *name, int flags)',
);
const renameatCall = systemCall<[from: number, name: CName, to: number, other: CName]>(
  'int renameat(int from, const char *name, int to, const char *other)',
);
const fchownatCall = systemCall<[directory: number, name: CName, uid: number, gid: number, flags: number]>(
  'int fchownat(int directory, const char *name, uint uid, uint gid, int flags)',
);

/** A descriptor, close-on-exec. `flags` are those of node:fs's constants and O_PATH. Throws SystemError. */
export function openAt(directory: number, name: string, flags: number, mode = 0): number {
  return openatCall(directory, cName(name), flags | O_CLOEXEC, mode);
}

/** As openAt(); undefined where there is no entry of this name. Throws SystemError. */
export function openAtIfThere(directory: number, name: string, flags: number): number | undefined {
  const fd = openatTried(directory, cName(name), flags | O_CLOEXEC, 0);
  return fd < 0 ? undefined : fd;
}

/** The process's umask applies to `mode`. Throws SystemError. */
export function makeDirectoryAt(directory: number, name: string, mode: number): void {
  mkdiratCall(directory, cName(name), mode);
}

/** `mode` with the type, S_IFCHR and so on; the umask applies. Throws SystemError. */
export function makeNodeAt(directory: number, name: string, mode: number, major: number, minor: number): void {
  mknodatCall(directory, cName(name), mode, deviceNumber(major, minor));
}

/** `target` is any text of bytes, and nothing follows it. Throws SystemError. */
export function makeSymlinkAt(target: string, directory: number, name: string): void {
  symlinkatCall(cName(target), directory, cName(name));
}

/** Another name for the open file (a symbolic link too, opened with O_PATH); needs CAP_DAC_READ_SEARCH. Throws SystemError. */
export function linkAt(fd: number, directory: number, name: string): void {
  linkatCall(fd, '', directory, cName(name), AT_EMPTY_PATH);
}

/** Into another directory, or under another name. Throws SystemError. */
export function renameAt(from: number, name: string, to: number, other: string): void {
  renameatCall(from, cName(name), to, cName(other));
}

/** Takes a name that is no directory's. Throws SystemError. */
export function unlinkAt(directory: number, name: string): void {
  unlinkatCall(directory, cName(name), 0);
}

/** Takes an empty directory. Throws SystemError. */
export function removeDirectoryAt(directory: number, name: string): void {
  unlinkatCall(directory, cName(name), AT_REMOVEDIR);
}

/** Of the entry itself, also where it is a symbolic link. Throws SystemError. */
export function changeOwnerAt(directory: number, name: string, uid: number, gid: number): void {
  fchownatCall(directory, cName(name), uid, gid, AT_SYMLINK_NOFOLLOW);
}

/** dev_t of glibc, makedev(3): 12 bits of major and 20 of minor are what the kernel keeps. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}
