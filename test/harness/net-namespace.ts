/** Network namespaces of a test's own: this thread's, and others beside it. Nothing is mounted for them. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { inNetworkNamespace } from '../../native-bindings/netlink.ts';
import { systemCall } from '../../native-bindings/libc.ts';

const CLONE_NEWNET = 0x40000000;
const OWN = '/proc/thread-self/ns/net';
const unshare = systemCall<[flags: number]>('int unshare(int flags)');

/** From here on this thread, and what it spawns, is in a network of its own: the machine's is not touched. */
export function leaveNetwork(): void {
  const machine = readlinkSync(OWN);
  unshare(CLONE_NEWNET);
  assert.notEqual(readlinkSync(OWN), machine);
}

/** A descriptor of a new network namespace. The caller closes it; it ends with its last descriptor. */
export function newNetwork(): number {
  const own = openSync(OWN, 'r');
  try {
    // Into the own one and back: inNetworkNamespace returns to where it was called.
    return inNetworkNamespace(own, () => {
      unshare(CLONE_NEWNET);
      return openSync(OWN, 'r');
    });
  } finally {
    closeSync(own);
  }
}

/** A process in that namespace that does nothing until it is ended. */
export function holderOf(namespace: number): ChildProcess & { pid: number } {
  const child = inNetworkNamespace(namespace, () => spawn('sleep', ['infinity'], { stdio: 'ignore' }));
  assert.ok(child.pid !== undefined);
  return child as ChildProcess & { pid: number };
}
