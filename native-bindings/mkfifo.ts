/** mkfifo(3), for which Node has nothing. */
import { systemCall } from './libc.ts';

const mkfifoCall = systemCall<[path: string, mode: number]>('int mkfifo(const char *path, uint mode)');

/** Makes a named pipe. Throws SystemError. */
export function mkfifo(path: string, mode: number): void {
  mkfifoCall(path, mode);
}
