/**
 * A program in memory that nobody can change any more: memfd_create(2) with every seal of fcntl(2). What runs
 * from it cannot be rewritten through /proc/PID/exe, by whomever (CVE-2019-5736).
 */
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { SystemError, systemCall } from './libc.ts';

const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
/** Linux 6.3: needed where sysctl vm.memfd_noexec makes the other the default. */
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE. */
const ALL_SEALS = 0xf;
const EINVAL = 22;

const memfdCreate = systemCall<[name: string, flags: number]>('int memfd_create(const char *name, unsigned int flags)');
const fcntl = systemCall<[fd: number, command: number, type: 'int', argument: number]>(
  'int fcntl(int fd, int command, ...)',
);

function create(name: string): number {
  try {
    return memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  } catch (error) {
    if (error instanceof SystemError && error.errno === EINVAL)
      return memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    throw error;
  }
}

/** A sealed file in memory with these bytes, its position at the first; close-on-exec. The caller closes it. */
export function sealedFile(bytes: Uint8Array, name: string): number {
  const fd = create(name);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, undefined, at);
    fcntl(fd, F_ADD_SEALS, 'int', ALL_SEALS);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A sealed copy of the file at `path`; close-on-exec. The caller closes it. Runs as `/proc/<this pid>/fd/<fd>`. */
export function sealedCopy(path: string, name: string): number {
  return sealedFile(readFileSync(path), name);
}
