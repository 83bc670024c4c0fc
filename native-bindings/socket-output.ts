/** A socket that another thread writes to: a descriptor of its own for it, fcntl(2), and waiting for room, poll(2). */
import { SystemError, systemCall } from './libc.ts';

const F_DUPFD_CLOEXEC = 1030;
const POLLOUT = 4;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;

const fcntl = systemCall<[fd: number, command: number, argument: number]>(
  'int fcntl(int fd, int command, int argument)',
);
const poll = systemCall<[descriptors: Uint8Array, count: number, milliseconds: number]>(
  'int poll(void *descriptors, uint64_t count, int milliseconds)',
);

const setsockopt = systemCall<[fd: number, level: number, name: number, value: Buffer, size: number]>(
  'int setsockopt(int fd, int level, int name, const void *value, uint size)',
);

/** Another descriptor of the same open file, close-on-exec: what is closed under the first number does not touch it. Throws SystemError. */
export function duplicate(fd: number): number {
  return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/** Lets so many bytes wait in the socket for who reads them, beyond what net.core.wmem_max allows to others; less where that is refused. */
export function widen(socket: number, bytes: number): void {
  const value = Buffer.alloc(4);
  value.writeInt32LE(bytes);
  try {
    setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, value, value.length);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/** Blocks this thread, which must have nothing else to do. False: it takes nothing as yet. Errors count as room: a write tells of them. */
export function waitForRoom(fd: number, milliseconds: number): boolean {
  const descriptor = Buffer.alloc(8);
  descriptor.writeInt32LE(fd, 0);
  descriptor.writeInt16LE(POLLOUT, 4);
  return poll(descriptor, 1, milliseconds) > 0;
}
