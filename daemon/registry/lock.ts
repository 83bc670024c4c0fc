/**
 * The lock of the root directory, so that two daemons never share one. It is of the open file (flock(2)), and so the
 * kernel lets go of it with the last descriptor, not with the process: a shim that the last daemon was making when it was
 * killed has copies of all its descriptors until it closes them. Who waits for the lock finds the sockets closed too.
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { lockExclusive } from '../../native-bindings/flock.ts';
import { RegistryError } from './error.ts';

/** How long such a copy may be there: a process that waits for a processor, not a daemon that serves. */
const COPY_MS = 1000;
const PAUSE_MS = 5;

/** The descriptor to close when the root is let go of. Waits a second where another has it. Throws RegistryError `locked`, errors of fs. */
export function claim(root: string): number {
  const fd = openSync(join(root, 'lock'), 'a', 0o600);
  let mine = false;
  try {
    mine = lockSoon(fd);
  } finally {
    if (!mine) closeSync(fd);
  }
  if (!mine) throw new RegistryError('locked', `${root} is in use by another tared`);
  return fd;
}

/** Nothing is served yet that this would hold up. */
function lockSoon(fd: number): boolean {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const end = performance.now() + COPY_MS;
  while (!lockExclusive(fd)) {
    if (performance.now() > end) return false;
    Atomics.wait(pause, 0, 0, PAUSE_MS);
  }
  return true;
}
