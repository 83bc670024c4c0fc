/**
 * Netlink sockets, netlink(7): datagrams to the kernel and back. The kernel works on a request within send(2), so that
 * what it has to say is there when send returns; nothing here waits.
 */
import { closeSync, openSync } from 'node:fs';
import { SystemError, systemCall } from './libc.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_PEEK = 0x02;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const CLONE_NEWNET = 0x40000000;
const EAGAIN = 11;
const EMSGSIZE = 90;
/** struct sockaddr_nl: u16 family, u16 padding, u32 port, u32 groups. */
const ADDRESS_SIZE = 12;
/** The kernel's parts of a dump have up to 32 KiB; one device with many virtual functions may have more. */
const MOST_BYTES = 1 << 20;

/** Protocol of links, addresses and routes, rtnetlink(7). */
export const NETLINK_ROUTE = 0;

const socket = systemCall<[domain: number, type: number, protocol: number]>(
  'int socket(int domain, int type, int protocol)',
);
const setsockopt = systemCall<[fd: number, level: number, name: number, value: Uint8Array, size: number]>(
  'int setsockopt(int fd, int level, int name, const void *value, uint size)',
);
const sendto = systemCall<
  [fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: number]
>('long sendto(int fd, const void *bytes, size_t size, int flags, const void *address, uint addressSize)');
const recvfrom = systemCall<
  [fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: Uint8Array]
>('long recvfrom(int fd, void *bytes, size_t size, int flags, void *address, void *addressSize)');
const setns = systemCall<[fd: number, type: number]>('int setns(int fd, int type)');

/**
 * Runs `action` with the calling thread (JavaScript's own) in the network namespace of the descriptor `namespace`.
 * Everything in `action` must be synchronous: files and sockets that other code opens meanwhile would be there too.
 */
function inNetworkNamespace<T>(namespace: number, action: () => T): T {
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    setns(namespace, CLONE_NEWNET);
    try {
      return action();
    } finally {
      try {
        setns(own, CLONE_NEWNET);
      } catch (error) {
        // Whatever this process would do next, it would do to somebody else's network.
        process.stderr.write(`cannot return to the own network namespace: ${String(error)}\n`);
        process.abort();
      }
    }
  } finally {
    closeSync(own);
  }
}

function openSocket(protocol: number): number {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  try {
    const on = new Uint8Array(new Uint32Array([1]).buffer);
    // Refusals in the kernel's words, without our request in them; dumps of only what was asked for (Linux 4.20).
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) {
      setsockopt(fd, SOL_NETLINK, option, on, on.length);
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A socket to the kernel. It stays in the network namespace that it was opened in, whoever uses it. */
export class NetlinkSocket {
  private readonly fd: number;
  private readonly kernel = new Uint8Array(ADDRESS_SIZE);

  private constructor(fd: number) {
    this.fd = fd;
    new DataView(this.kernel.buffer).setUint16(0, AF_NETLINK, true);
  }

  /** `namespace`: a descriptor of a network namespace; without one, this process's own. Throws SystemError. */
  static open(protocol: number, namespace?: number): NetlinkSocket {
    const open = (): number => openSocket(protocol);
    return new NetlinkSocket(namespace === undefined ? open() : inNetworkNamespace(namespace, open));
  }

  /** One datagram to the kernel. Throws SystemError. */
  send(bytes: Uint8Array): void {
    sendto(this.fd, bytes, bytes.length, MSG_DONTWAIT, this.kernel, ADDRESS_SIZE);
  }

  /** One whole datagram of the kernel's; undefined where none is there. Throws SystemError: EMSGSIZE beyond 1 MiB. */
  receive(): Buffer | undefined {
    for (;;) {
      const size = this.take(new Uint8Array(1), MSG_PEEK)?.size;
      if (size === undefined) return undefined;
      if (size > MOST_BYTES) throw new SystemError('recvfrom', EMSGSIZE);
      const bytes = Buffer.alloc(Math.max(1, size));
      const taken = this.take(bytes, 0);
      if (taken === undefined) return undefined;
      // Other processes may write to this socket; port 0 is the kernel alone.
      if (taken.port === 0) return bytes.subarray(0, Math.min(taken.size, bytes.length));
    }
  }

  /** `size`: of the datagram, also where `bytes` are fewer. */
  private take(bytes: Uint8Array, flags: number): { size: number; port: number } | undefined {
    const address = new Uint8Array(ADDRESS_SIZE);
    const addressSize = new Uint8Array(new Uint32Array([ADDRESS_SIZE]).buffer);
    try {
      const size = recvfrom(this.fd, bytes, bytes.length, flags | MSG_TRUNC | MSG_DONTWAIT, address, addressSize);
      return { size, port: new DataView(address.buffer).getUint32(4, true) };
    } catch (error) {
      if (error instanceof SystemError && error.errno === EAGAIN) return undefined;
      throw error;
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}
