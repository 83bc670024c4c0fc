/** Network namespaces of processes that are to be furnished: of an init that waits, of a shim that will clone one. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { EngineError } from '../errors.ts';

/**
 * A descriptor, which the caller closes; undefined where it is the daemon's own, which must not be touched. Throws
 * SystemError where there is no such process.
 */
export function openNamespaceOf(pid: number): number | undefined {
  const namespace = openSync(`/proc/${String(pid)}/ns/net`, 'r');
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const [theirs, ours] = [fstatSync(namespace), fstatSync(own)];
    if (theirs.ino !== ours.ino || theirs.dev !== ours.dev) return namespace;
  } finally {
    closeSync(own);
  }
  closeSync(namespace);
  return undefined;
}

/** Throws EngineError where it is the daemon's own; SystemError where there is no process. */
export function inNamespaceOf(pid: number, action: (namespace: number) => void): void {
  const namespace = openNamespaceOf(pid);
  if (namespace === undefined) {
    throw new EngineError('launch_failed', 'the container has no network namespace of its own');
  }
  try {
    action(namespace);
  } finally {
    closeSync(namespace);
  }
}
