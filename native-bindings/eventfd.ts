/** eventfd(2): a counter that the kernel adds to when something happens. */
import { readSync } from 'node:fs';
import { systemCall } from './libc.ts';

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

const eventfd = systemCall<[initial: number, flags: number]>('int eventfd(uint initial, int flags)');

/** Close-on-exec, non-blocking, at 0; to be watched by whenReadable. The caller closes it. */
export function openEventFd(): number {
  return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/** Takes what was added up, and so makes it unreadable again until the next time. Throws EAGAIN at 0. */
export function takeEvents(fd: number): bigint {
  const counter = Buffer.alloc(8);
  readSync(fd, counter);
  return counter.readBigUInt64LE(0);
}
