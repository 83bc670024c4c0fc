/** syncfs(2): all that was written to a file system is on the disk. It may take seconds: not for the event loop. */
import { libcFunction, systemCall } from './libc.ts';

const syncfsCall = systemCall<[fd: number]>('int syncfs(int fd)');

/** That of the open file. Throws SystemError: EIO, ENOSPC and EDQUOT of writes that failed meanwhile. */
export function syncFileSystem(fd: number): void {
  syncfsCall(fd);
}

const syncfsOnThread = libcFunction<[fd: number], number>('int syncfs(int fd)');

/** The same, leaving the event loop free. False: something that was written is lost, or the descriptor is none. */
export async function syncFileSystemOnThread(fd: number): Promise<boolean> {
  return (await syncfsOnThread.onThread(fd)) === 0;
}
