/** Network devices: RTM_NEWLINK, RTM_GETLINK; struct ifinfomsg of rtnetlink(7). */
import {
  attribute,
  decodeAttributes,
  encodeAttributes,
  MalformedMessage,
  readText,
  text,
  u32,
  viewOf,
  type Attribute,
} from './attributes.ts';
import { NetlinkError, type Rtnetlink } from './connection.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_FD = 28;
const IFF_UP = 1;
const ENODEV = 19;
/** u8 family, u8 padding, u16 type, s32 index, u32 flags, u32 change. */
const HEADER_SIZE = 16;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly isUp: boolean;
  /** The rest of what the kernel says of it, IFLA_*. */
  readonly attributes: readonly Attribute[];
}

export interface LinkHeader {
  readonly index: number;
  /** IFF_*; of those in `change` alone where something is to be changed. */
  readonly flags: number;
  readonly change: number;
}

export function encodeLink({ index, flags, change }: LinkHeader, attributes: readonly Attribute[]): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags >>> 0, 8);
  header.writeUInt32LE(change >>> 0, 12);
  return Buffer.concat([header, encodeAttributes(attributes)]);
}

/** Throws MalformedMessage. */
export function decodeLink(body: Uint8Array): Link {
  if (body.length < HEADER_SIZE) throw new MalformedMessage(`a link of ${body.length} bytes`);
  const view = viewOf(body);
  const attributes = decodeAttributes(body.subarray(HEADER_SIZE));
  const name = attribute(attributes, IFLA_IFNAME);
  if (name === undefined) throw new MalformedMessage('a link without a name');
  return {
    index: view.getInt32(4, true),
    name: readText(name),
    isUp: (view.getUint32(8, true) & IFF_UP) !== 0,
    attributes,
  };
}

const UNNAMED: LinkHeader = { index: 0, flags: 0, change: 0 };

/** undefined where there is none of this name. Throws NetlinkError. */
export function findLink(connection: Rtnetlink, name: string): Link | undefined {
  const body = encodeLink(UNNAMED, [{ type: IFLA_IFNAME, value: text(name) }]);
  try {
    const [found] = connection.query({ step: `find the link ${name}`, type: RTM_GETLINK, body });
    return found === undefined ? undefined : decodeLink(found);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ENODEV) return undefined;
    throw error;
  }
}

/** All of the connection's namespace. Throws NetlinkError. */
export function listLinks(connection: Rtnetlink): Link[] {
  const body = encodeLink(UNNAMED, []);
  return connection.dump({ step: 'list the links', type: RTM_GETLINK, body }).map(decodeLink);
}

/** Throws NetlinkError. */
export function setLinkUp(connection: Rtnetlink, { index, name }: Pick<Link, 'index' | 'name'>): void {
  const body = encodeLink({ index, flags: IFF_UP, change: IFF_UP }, []);
  connection.change({ step: `set the link ${name} up`, type: RTM_NEWLINK, body });
}

/**
 * Moves a link into the network namespace of the descriptor `namespace`, where it is called `name` and is down and
 * without addresses. The kernel moves first and renames then: where `name` is taken there, it refuses (EEXIST) with the link
 * moved already, unless the old name is taken too. Who calls has looked. Throws NetlinkError.
 */
export function moveLink(connection: Rtnetlink, link: Link, namespace: number, name: string): void {
  const body = encodeLink({ ...UNNAMED, index: link.index }, [
    { type: IFLA_NET_NS_FD, value: u32(namespace) },
    { type: IFLA_IFNAME, value: text(name) },
  ]);
  connection.change({ step: `move the link ${link.name}`, type: RTM_NEWLINK, body });
}
