/**
 * A socket that a thread reads which has nothing else to do: recv(2), which never blocks here, and poll(2), which waits.
 * Bytes go from the kernel to the caller's memory, and nobody keeps any of them.
 */
import { SystemError, systemCall, triedCall } from './libc.ts';

const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EAGAIN = 11;
const POLLIN = 1;
const POLLFD_SIZE = 8;

const recv = triedCall<[fd: number, room: Buffer, size: number, flags: number]>(
  'long recv(int fd, void *room, size_t size, int flags)',
  [EAGAIN, EINTR],
);
const poll = systemCall<[descriptors: Buffer, count: number, milliseconds: number]>(
  'int poll(void *descriptors, uint64_t count, int milliseconds)',
);

/** How many bytes came, 0 at the end; undefined: none are there yet. Throws SystemError (ECONNRESET). */
export function receive(fd: number, room: Buffer): number | undefined {
  const count = recv(fd, room, room.length, MSG_DONTWAIT);
  return count < 0 ? undefined : count;
}

/** Blocks this thread. False: nothing came. Its end and errors count as bytes: receive() tells of them. Throws SystemError. */
export function waitForBytes(fd: number, milliseconds: number): boolean {
  const descriptor = Buffer.alloc(POLLFD_SIZE);
  descriptor.writeInt32LE(fd, 0);
  descriptor.writeInt16LE(POLLIN, 4);
  return poll(descriptor, 1, milliseconds) > 0;
}

/** The peer has gone and left bytes unread: an end like any other. */
export function isReset(error: unknown): boolean {
  return error instanceof SystemError && error.code === 'ECONNRESET';
}
