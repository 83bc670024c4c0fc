/**
 * Netlink sockets, netlink(7): datagrams to the kernel and back. The kernel works on a request within send(2), so that
 * what it has to say is there when send returns; nothing here waits.
 */
import { closeSync, openSync } from 'node:fs';
import { SystemError, addressOf, libcFunction, systemCall } from './libc.ts';
import { whenReadable } from './readable.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
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
/** Protocol of sockets, sock_diag(7). */
export const NETLINK_SOCK_DIAG = 4;
/** Protocol of nf_tables and connection tracking, include/uapi/linux/netfilter/nfnetlink.h. */
export const NETLINK_NETFILTER = 12;

const socket = systemCall<[domain: number, type: number, protocol: number]>(
  'int socket(int domain, int type, int protocol)',
);
const setsockopt = systemCall<[fd: number, level: number, name: number, value: Uint8Array, size: number]>(
  'int setsockopt(int fd, int level, int name, const void *value, uint size)',
);
const sendto = systemCall<
  [fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: number]
>('long sendto(int fd, const void *bytes, size_t size, int flags, const void *address, uint addressSize)');
const bind = systemCall<[fd: number, address: Uint8Array, addressSize: number]>(
  'int bind(int fd, const void *address, uint addressSize)',
);
/** On a thread: errno is lost there. */
const sendtoForeign = libcFunction<
  [fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: number],
  number
>('long sendto(int fd, const void *bytes, size_t size, int flags, const void *address, uint addressSize)');
const recvfrom = systemCall<
  [fd: number, bytes: Uint8Array, size: number, flags: number, address: Uint8Array, addressSize: Uint8Array]
>('long recvfrom(int fd, void *bytes, size_t size, int flags, void *address, void *addressSize)');
const getsockname = systemCall<[fd: number, address: Uint8Array, size: Uint8Array]>(
  'int getsockname(int fd, void *address, void *size)',
);
const setns = systemCall<[fd: number, type: number]>('int setns(int fd, int type)');

/**
 * Runs `action` with the calling thread (JavaScript's own) in the network namespace of the descriptor `namespace`.
 * Everything in `action` must be synchronous: files and sockets that other code opens meanwhile would be there too.
 */
export function inNetworkNamespace<T>(namespace: number, action: () => T): T {
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

export interface NetlinkOptions {
  /** Descriptor of the network namespace to be in; without one, this process's own. */
  readonly namespace?: number | undefined;
  /** Multicast groups by number, such as RTNLGRP_LINK (1), not by mask. */
  readonly groups?: readonly number[];
  /** Bytes that may wait to be read, beyond net.core.rmem_max too; a kernel's message counts some 1 KiB at least. */
  readonly receiveBuffer?: number;
  /** The most bytes of a datagram that is sent, beyond net.core.wmem_max too. Nothing is set aside for it. */
  readonly sendBuffer?: number;
  /** Of what a group is told, only messages of this type (nlmsg_type) reach the socket; the kernel passes over the others. */
  readonly onlyType?: number;
}

/** struct sock_filter of include/uapi/linux/filter.h: code, jt, jf, k. */
const instruction = (code: number, jumpTrue: number, jumpFalse: number, value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jumpTrue, 2);
  bytes.writeUInt8(jumpFalse, 3);
  bytes.writeUInt32LE(value, 4);
  return bytes;
};

/** Classic BPF: the u16 at 4, which it loads as of network byte order, and the kernel wrote in the host's. */
function typeFilter(type: number): Buffer {
  const swapped = ((type & 0xff) << 8) | (type >> 8);
  return Buffer.concat([
    instruction(0x28 /* BPF_LD | BPF_H | BPF_ABS */, 0, 0, 4),
    instruction(0x15 /* BPF_JMP | BPF_JEQ | BPF_K */, 0, 1, swapped),
    instruction(0x06 /* BPF_RET | BPF_K: all of it */, 0, 0, 0xffff_ffff),
    instruction(0x06 /* none of it */, 0, 0, 0),
  ]);
}

/** struct sock_fprog: u16 count, the address of the instructions. */
function attachFilter(fd: number, program: Buffer): void {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(program.length / 8, 0);
  bytes.writeBigUInt64LE(addressOf(program), 8);
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes, bytes.length);
}

const number32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

/** As an address of the kernel: its port, 0; as one's own: one that the kernel chooses. */
function anyPort(): Uint8Array {
  const address = new Uint8Array(ADDRESS_SIZE);
  new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
  return address;
}

function openSocket(protocol: number, options: NetlinkOptions): number {
  const { groups = [], receiveBuffer, sendBuffer, onlyType } = options;
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  try {
    const set = (level: number, name: number, value: number): void => {
      setsockopt(fd, level, name, number32(value), 4);
    };
    // Refusals in the kernel's words, without our request in them; dumps of only what was asked for (Linux 4.20).
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) set(SOL_NETLINK, option, 1);
    if (sendBuffer !== undefined) set(SOL_SOCKET, SO_SNDBUFFORCE, sendBuffer);
    if (receiveBuffer !== undefined) set(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer);
    if (onlyType !== undefined) attachFilter(fd, typeFilter(onlyType));
    // A socket without a port, as it has before it first sends, would pass for the sender: it is told nothing.
    if (groups.length > 0) bind(fd, anyPort(), ADDRESS_SIZE);
    for (const group of groups) set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A socket to the kernel. It stays in the network namespace that it was opened in, whoever uses it. */
export class NetlinkSocket {
  private readonly fd: number;
  private readonly kernel = anyPort();

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Throws SystemError. */
  static open(protocol: number, options: NetlinkOptions = {}): NetlinkSocket {
    const open = (): number => openSocket(protocol, options);
    const { namespace } = options;
    return new NetlinkSocket(namespace === undefined ? open() : inNetworkNamespace(namespace, open));
  }

  /** By which messages about what this socket did tell whose it was, in its namespace. Throws SystemError. */
  port(): number {
    const address = new Uint8Array(this.kernel);
    const port = (): number => {
      getsockname(this.fd, address, number32(ADDRESS_SIZE));
      return new DataView(address.buffer).getUint32(4, true);
    };
    const found = port();
    if (found !== 0) return found;
    // It gets one with the first datagram otherwise.
    bind(this.fd, this.kernel, ADDRESS_SIZE);
    return port();
  }

  /** One datagram to the kernel. Throws SystemError. */
  send(bytes: Uint8Array): void {
    sendto(this.fd, bytes, bytes.length, MSG_DONTWAIT, this.kernel, ADDRESS_SIZE);
  }

  /**
   * The same on a thread, for what the kernel takes its time with; the answer is there when the promise resolves.
   * Nobody else may use the socket meanwhile. Rejects with SystemError.
   */
  async sendOnThread(bytes: Uint8Array): Promise<void> {
    const size = await sendtoForeign.onThread(this.fd, bytes, bytes.length, MSG_DONTWAIT, this.kernel, ADDRESS_SIZE);
    // Not taken, so nothing has been done: once more here, where the reason can be read.
    if (size < 0) this.send(bytes);
  }

  /**
   * One whole datagram of the kernel's; undefined where none is there. Throws SystemError: EMSGSIZE beyond 1 MiB;
   * ENOBUFS, once, where the kernel has dropped some for want of room: it can be read on, and what was dropped is lost.
   */
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

  /** Calls back once, in the event loop, when there is something to receive, be it an error. */
  whenReadable(callback: () => void): { close(): void } {
    return whenReadable(this.fd, callback);
  }

  /** `size`: of the datagram, also where `bytes` are fewer. */
  private take(bytes: Uint8Array, flags: number): { size: number; port: number } | undefined {
    const address = new Uint8Array(ADDRESS_SIZE);
    try {
      const size = recvfrom(
        this.fd,
        bytes,
        bytes.length,
        flags | MSG_TRUNC | MSG_DONTWAIT,
        address,
        number32(ADDRESS_SIZE),
      );
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
