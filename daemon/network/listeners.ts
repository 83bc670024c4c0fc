/**
 * Ports that programs of the host listen at: a published one would take their clients away. One dump a protocol and
 * family of those sockets alone, sock_diag(7), however many ports are asked about.
 */
import { NETLINK_SOCK_DIAG, NetlinkSocket } from '../../native-bindings/netlink.ts';
import { addressOfBytes, formatAddress } from './address.ts';
import { decodeAttributes } from './rtnetlink/attributes.ts';
import { NetlinkError, Rtnetlink } from './rtnetlink/connection.ts';
import type { PortMapping } from './types.ts';

type Protocol = PortMapping['protocol'];

const SOCK_DIAG_BY_FAMILY = 20;
const FAMILIES = { 4: 2, 6: 10 } as const;
const PROTOCOLS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
/** TCP_LISTEN and SCTP_SS_LISTENING; a UDP socket without a peer is in TCP_CLOSE. */
const LISTENING: Readonly<Record<Protocol, number>> = { tcp: 1 << 10, udp: 1 << 7, sctp: 1 << 10 };
/** struct inet_diag_req_v2 and struct inet_diag_msg of linux/inet_diag.h. */
const REQUEST_SIZE = 56;
const MESSAGE_SIZE = 72;
const PORT_AT = 4;
const ADDRESS_AT = 8;
const INET_DIAG_SKV6ONLY = 11;
/** The kernel has no such protocol, or cannot tell of it (the module is not there). */
const UNKNOWN = new Set(['ENOENT', 'EPROTONOSUPPORT', 'EOPNOTSUPP', 'EINVAL']);
const WILDCARD = { 4: '0.0.0.0', 6: '::' } as const;

interface Listener {
  readonly port: number;
  /** Canonical. */
  readonly address: string;
  /** One at "::" has the port of IPv4 as well. */
  readonly isBoth: boolean;
}

type Place = Pick<PortMapping, 'protocol' | 'hostAddress' | 'hostPort' | 'count'>;

/** The host's sockets at one moment. */
export class HostListeners {
  private readonly known = new Map<Protocol, ReadonlyMap<number, readonly Listener[]>>();

  /** The first port of `place` that a program listens at. Throws NetlinkError, SystemError. */
  meeting(place: Place): { readonly port: number; readonly address: string } | undefined {
    const listeners = this.of(place.protocol);
    for (let port = place.hostPort; port < place.hostPort + place.count; port++) {
      const found = listeners.get(port)?.find((listener) => meets(listener, place.hostAddress));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private of(protocol: Protocol): ReadonlyMap<number, readonly Listener[]> {
    const before = this.known.get(protocol);
    if (before !== undefined) return before;
    const byPort = new Map<number, Listener[]>();
    const connection = new Rtnetlink(NetlinkSocket.open(NETLINK_SOCK_DIAG));
    try {
      for (const listener of [...listen(connection, protocol, 4), ...listen(connection, protocol, 6)]) {
        const others = byPort.get(listener.port);
        if (others === undefined) byPort.set(listener.port, [listener]);
        else others.push(listener);
      }
    } finally {
      connection.close();
    }
    this.known.set(protocol, byPort);
    return byPort;
  }
}

function meets({ address, isBoth }: Listener, asked: string): boolean {
  if (isBoth) return true;
  const family = address.includes(':') ? 6 : 4;
  if (family !== (asked.includes(':') ? 6 : 4)) return false;
  return address === asked || address === WILDCARD[family] || asked === WILDCARD[family];
}

function listen(connection: Rtnetlink, protocol: Protocol, family: 4 | 6): Listener[] {
  const body = Buffer.alloc(REQUEST_SIZE);
  body.writeUInt8(FAMILIES[family], 0);
  body.writeUInt8(PROTOCOLS[protocol], 1);
  body.writeUInt32LE(LISTENING[protocol], 4);
  try {
    return connection
      .dump({ step: `list the sockets of ${protocol}`, type: SOCK_DIAG_BY_FAMILY, body })
      .filter((message) => message.length >= MESSAGE_SIZE)
      .map((message) => listenerOf(Buffer.from(message), family));
  } catch (error) {
    if (error instanceof NetlinkError && UNKNOWN.has(error.code)) return [];
    throw error;
  }
}

function listenerOf(message: Buffer, family: 4 | 6): Listener {
  const address = formatAddress(addressOfBytes(message.subarray(ADDRESS_AT, ADDRESS_AT + (family === 4 ? 4 : 16))));
  const sixOnly = decodeAttributes(message.subarray(MESSAGE_SIZE)).find(({ type }) => type === INET_DIAG_SKV6ONLY);
  const isBoth = address === WILDCARD[6] && sixOnly?.value[0] !== 1;
  return { port: message.readUInt16BE(PORT_AT), address, isBoth };
}
