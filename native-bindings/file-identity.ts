/**
 * Whom a thread's new files belong to, setfsuid(2): file systems of a user namespace take none of an owner that it does
 * not know (EOVERFLOW), and root of the host is one. The calls are the thread's alone, as glibc's wrappers of these are.
 */
import { libcFunction, systemCall } from './libc.ts';

/** _LINUX_CAPABILITY_VERSION_3 of include/uapi/linux/capability.h. */
const VERSION = 0x20080522;
/** Of each of the two halves: effective, permitted, inheritable. */
const HALF = 12;

const setfsuid = libcFunction<[uid: number], number>('int setfsuid(uint uid)');
const setfsgid = libcFunction<[gid: number], number>('int setfsgid(uint gid)');
const capget = systemCall<[header: Uint8Array, data: Uint8Array]>('int capget(void *header, void *data)');
const capset = systemCall<[header: Uint8Array, data: Uint8Array]>('int capset(void *header, const void *data)');

/** Leaving root takes the capabilities over files out of the effective set: they stay permitted, and are taken back. */
function raiseCapabilities(): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(VERSION, 0);
  const data = Buffer.alloc(2 * HALF);
  capget(header, data);
  for (const half of [0, HALF]) data.writeUInt32LE(data.readUInt32LE(half + 4), half);
  capset(header, data);
}

/** What this thread makes belongs to them until the function that is returned is called; it keeps root's rights. Throws SystemError. */
export function makeFilesFor(uid: number, gid: number): () => void {
  const back = (): void => {
    setfsuid(0);
    setfsgid(0);
    raiseCapabilities();
  };
  setfsgid(gid);
  setfsuid(uid);
  try {
    raiseCapabilities();
  } catch (error) {
    back();
    throw error;
  }
  return back;
}
