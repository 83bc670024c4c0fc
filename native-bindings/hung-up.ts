/**
 * Whether the other end of connections has gone for good: poll(2), which tells POLLHUP and POLLERR though nothing is asked
 * for. A unix socket whose peer only ended its writing has neither; of TCP the two cannot be told apart before a reset.
 */
import { systemCall } from './libc.ts';

const POLLERR = 0x08;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;
const POLLFD_SIZE = 8;

const poll = systemCall<[descriptors: Buffer, count: number, milliseconds: number]>(
  'int poll(_Inout_ void *descriptors, uint64_t count, int milliseconds)',
);

/** Of each descriptor, in their order; never blocks. Throws SystemError. */
export function hungUp(descriptors: readonly number[]): boolean[] {
  if (descriptors.length === 0) return [];
  const room = Buffer.alloc(descriptors.length * POLLFD_SIZE);
  for (const [index, fd] of descriptors.entries()) room.writeInt32LE(fd, index * POLLFD_SIZE);
  poll(room, descriptors.length, 0);
  return descriptors.map(
    (_, index) => (room.readInt16LE(index * POLLFD_SIZE + 6) & (POLLERR | POLLHUP | POLLNVAL)) !== 0,
  );
}
