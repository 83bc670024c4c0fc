/**
 * One request over a unix socket whose answer carries a descriptor (SCM_RIGHTS, unix(7)): Node's own sockets
 * cannot receive one. Nothing here waits: the socket is non-blocking and watched by the event loop.
 */
import { closeSync } from 'node:fs';
import { SystemError, addressOf, systemCall, whenReadable } from './libc.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const EAGAIN = 11;
/** sun_path of struct sockaddr_un, its NUL included. */
export const SUN_PATH_SIZE = 108;
const CMSG_HEADER = 16;

const socket = systemCall<[domain: number, type: number, protocol: number]>(
  'int socket(int domain, int type, int protocol)',
);
const connect = systemCall<[fd: number, address: Buffer, size: number]>(
  'int connect(int fd, const void *address, uint size)',
);
const send = systemCall<[fd: number, bytes: Uint8Array, size: number, flags: number]>(
  'long send(int fd, const void *bytes, size_t size, int flags)',
);
const recvmsg = systemCall<[fd: number, message: Buffer, flags: number]>(
  'long recvmsg(int fd, void *message, int flags)',
);

export interface Received {
  readonly bytes: Buffer;
  /** The descriptor (close-on-exec), if one came; the caller closes it. */
  readonly fd: number | undefined;
}

/** The deadline passed, or the peer hung up, before the answer was complete. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
  readonly timeout: boolean;
  constructor(message: string, timeout: boolean) {
    super(message);
    this.timeout = timeout;
  }
}

/** struct sockaddr_un, of which 2 + SUN_PATH_SIZE bytes count. Throws RangeError for a path that does not fit. */
export function sockaddr(path: string): Buffer {
  const address = Buffer.alloc(2 + SUN_PATH_SIZE + 18);
  const size = Buffer.byteLength(path);
  if (size >= SUN_PATH_SIZE)
    throw new RangeError(`socket path of ${String(size)} bytes, at most ${String(SUN_PATH_SIZE - 1)}: ${path}`);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  return address;
}

/** recvmsg(2): struct msghdr of 64-bit Linux over one buffer for bytes and one for control messages. */
export class Receiver {
  private readonly header = Buffer.alloc(128);
  private readonly vector = Buffer.alloc(128);
  private readonly control = Buffer.alloc(256);
  private readonly room = Buffer.alloc(4096);

  /** Undefined: nothing there yet. Empty `bytes`: the peer hung up. */
  receive(fd: number): { bytes: Buffer; descriptors: number[] } | undefined {
    this.vector.writeBigUInt64LE(addressOf(this.room), 0);
    this.vector.writeBigUInt64LE(BigInt(this.room.length), 8);
    this.header.writeBigUInt64LE(addressOf(this.vector), 16);
    this.header.writeBigUInt64LE(1n, 24);
    this.header.writeBigUInt64LE(addressOf(this.control), 32);
    this.header.writeBigUInt64LE(BigInt(this.control.length), 40);
    let count: number;
    try {
      count = recvmsg(fd, this.header, MSG_CMSG_CLOEXEC);
    } catch (error) {
      if (error instanceof SystemError && error.errno === EAGAIN) return undefined;
      throw error;
    }
    return { bytes: Buffer.from(this.room.subarray(0, count)), descriptors: this.descriptors() };
  }

  private descriptors(): number[] {
    const found: number[] = [];
    const end = Number(this.header.readBigUInt64LE(40));
    for (let at = 0; at + CMSG_HEADER <= end;) {
      const size = Number(this.control.readBigUInt64LE(at));
      if (size < CMSG_HEADER || at + size > end) break;
      const isRights =
        this.control.readInt32LE(at + 8) === SOL_SOCKET && this.control.readInt32LE(at + 12) === SCM_RIGHTS;
      for (let item = at + CMSG_HEADER; isRights && item + 4 <= at + size; item += 4)
        found.push(this.control.readInt32LE(item));
      at += (size + 7) & ~7;
    }
    return found;
  }
}

/**
 * Connects to the socket at `path`, sends `request` (small: it must fit into the socket's buffer) and receives until
 * `isComplete` says so. Throws SystemError, NoAnswer, or what `isComplete` throws; then no descriptor stays open.
 */
export async function receiveDescriptor(
  path: string,
  request: Uint8Array,
  isComplete: (bytes: Buffer) => boolean,
  deadlineMs: number,
): Promise<Received> {
  const address = sockaddr(path);
  const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const received: number[] = [];
  try {
    connect(fd, address, 2 + SUN_PATH_SIZE);
    send(fd, request, request.length, MSG_NOSIGNAL);
    const deadline = performance.now() + deadlineMs;
    const receiver = new Receiver();
    let bytes = Buffer.alloc(0);
    while (!isComplete(bytes)) {
      const part = receiver.receive(fd);
      if (part === undefined) {
        await readable(fd, path, deadline - performance.now());
        continue;
      }
      received.push(...part.descriptors);
      if (part.bytes.length === 0) throw new NoAnswer(`${path}: hung up before it answered`, false);
      bytes = Buffer.concat([bytes, part.bytes]);
    }
    return { bytes, fd: received.shift() };
  } catch (error) {
    if (received[0] !== undefined) closeSync(received.shift() ?? -1);
    throw error;
  } finally {
    for (const surplus of received) closeSync(surplus);
    closeSync(fd);
  }
}

function readable(fd: number, path: string, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const watch = whenReadable(fd, () => {
      clearTimeout(timer);
      watch.close();
      resolve();
    });
    const timer = setTimeout(
      () => {
        watch.close();
        reject(new NoAnswer(`${path}: no answer within its deadline`, true));
      },
      Math.max(0, withinMs),
    );
  });
}
