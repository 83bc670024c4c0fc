/** The network namespace of a process that waits for it to be furnished. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { EngineError } from '../errors.ts';

/** Throws EngineError where it is the daemon's own, which must not be touched; SystemError where there is no process. */
export function inNamespaceOf(pid: number, action: (namespace: number) => void): void {
  const namespace = openSync(`/proc/${String(pid)}/ns/net`, 'r');
  try {
    const own = openSync('/proc/thread-self/ns/net', 'r');
    try {
      const [theirs, ours] = [fstatSync(namespace), fstatSync(own)];
      if (theirs.ino === ours.ino && theirs.dev === ours.dev) {
        throw new EngineError('launch_failed', 'the container has no network namespace of its own');
      }
    } finally {
      closeSync(own);
    }
    action(namespace);
  } finally {
    closeSync(namespace);
  }
}
