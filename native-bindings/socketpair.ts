/** socketpair(2): two connected unix stream sockets. */
import { systemCall } from './libc.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

const socketpairCall = systemCall<[domain: number, type: number, protocol: number, ends: Buffer]>(
  'int socketpair(int domain, int type, int protocol, void *ends)',
);

/** Both ends blocking and close-on-exec; the caller closes them. */
export function socketpair(): readonly [ours: number, theirs: number] {
  const ends = Buffer.alloc(128);
  socketpairCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
  return [ends.readInt32LE(0), ends.readInt32LE(4)];
}
