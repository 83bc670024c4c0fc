/** SO_PEERCRED: who opened the other end of a unix socket (unix(7), `struct ucred`: pid, uid, gid, 32 bits each). */
import type { Socket } from 'node:net';
import { SystemError, systemCall } from './libc.ts';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const UCRED_SIZE = 12;
/** What a socket that is not a unix one answers: the overflow of "no credentials". */
const NOBODY = 0xffffffff;

const getsockopt = systemCall<[fd: number, level: number, name: number, value: Buffer, length: Buffer]>(
  'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ void *length)',
);

export interface PeerCredentials {
  /** As the daemon's pid namespace numbers it; 0 from outside of it. */
  readonly pid: number;
  readonly uid: number;
}

/** As they were at connect(2). undefined: not a unix socket, or closed already. */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  const credentials = Buffer.alloc(UCRED_SIZE);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(UCRED_SIZE);
  try {
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length);
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
  const uid = credentials.readUInt32LE(4);
  return uid === NOBODY ? undefined : { pid: credentials.readInt32LE(0), uid };
}

/** Node keeps the descriptor in the handle and says so nowhere; `_handle.fd` has been there since 0.10. */
export function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as { _handle?: { fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
