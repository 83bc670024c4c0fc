/** Being told by the kernel: multicast groups of netlink(7), read in the event loop as they come. */
import { SystemError } from './libc.ts';
import { NetlinkSocket, type NetlinkOptions } from './netlink.ts';

const ENOBUFS = 105;
/** A namespace that ends takes hundreds of links with it in a breath. */
const RECEIVE_BUFFER = 4 << 20;
/** So many datagrams in one turn of the event loop. */
const MOST_AT_ONCE = 64;

export interface MonitorEvents {
  /** One datagram, of one message or several. */
  received(datagram: Buffer): void;
  /**
   * The kernel had more to say than there was room for: whoever keeps account reads all anew. Told once what there was room
   * for has been told: until then the kernel goes on dropping, and does not say so again (netlink_overrun).
   */
  lost(): void;
  /** The socket cannot be read any more; the monitor is closed. */
  failed(error: unknown): void;
}

/**
 * Told of everything from the moment that this returns, without a gap: who dumps afterwards misses nothing. What the
 * callbacks of `events` throw is the event loop's. Throws SystemError.
 */
export function monitorNetlink(
  protocol: number,
  options: NetlinkOptions & { readonly groups: readonly number[] },
  events: MonitorEvents,
): { close(): void } {
  const socket = NetlinkSocket.open(protocol, { receiveBuffer: RECEIVE_BUFFER, ...options });
  let watch: { close(): void } | undefined;
  let isClosed = false;
  let isLost = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    watch?.close();
    socket.close();
  };
  /** undefined: there is nothing more. */
  const take = (): (() => void) | undefined => {
    try {
      const datagram = socket.receive();
      if (datagram !== undefined) return () => events.received(datagram);
      if (!isLost) return undefined;
      isLost = false;
      return () => events.lost();
    } catch (error) {
      if (error instanceof SystemError && error.errno === ENOBUFS) {
        return () => {
          isLost = true;
        };
      }
      close();
      return () => events.failed(error);
    }
  };
  const arm = (): void => {
    watch = socket.whenReadable(() => {
      watch?.close();
      try {
        for (let count = 0; count < MOST_AT_ONCE && !isClosed; count++) {
          const tell = take();
          if (tell === undefined) break;
          tell();
        }
      } finally {
        if (!isClosed) arm();
      }
    });
  };
  arm();
  return { close };
}
