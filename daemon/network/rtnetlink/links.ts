/** Network devices: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK; struct ifinfomsg of rtnetlink(7). */
import {
  attribute,
  decodeAttributes,
  encodeAttributes,
  MalformedMessage,
  viewOf,
  type Attribute,
} from './attributes.ts';
import { NetlinkError, type Change, type Rtnetlink } from './connection.ts';
import { decodeFields, encodeFields } from './fields.ts';
import { decodeInfo, encodeInfo, IFLA_LINKINFO, type LinkInfo, type LinkSpec } from './link-info.ts';
import { LINK_FIELDS, type LinkSettings } from './link-settings.ts';
import { FLAG } from './messages.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
/** include/uapi/linux/if.h. */
export const LINK_FLAG = { up: 0x1, broadcast: 0x2, loopback: 0x8, pointToPoint: 0x10, noArp: 0x80 } as const;
const ENODEV = 19;
/** u8 family, u8 padding, u16 type, s32 index, u32 flags, u32 change. */
const HEADER_SIZE = 16;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly isUp: boolean;
  /** IFF_*, LINK_FLAG. */
  readonly flags: number;
  /** ARPHRD_*: 1 is Ethernet, 772 loopback. */
  readonly type: number;
  readonly settings: LinkSettings;
  /** Its kind; undefined for hardware and loopback. */
  readonly info: LinkInfo | undefined;
  /** All that the kernel says of it, IFLA_*. */
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
  const settings = decodeFields(LINK_FIELDS, attributes);
  if (settings.name === undefined) throw new MalformedMessage('a link without a name');
  const info = attribute(attributes, IFLA_LINKINFO);
  const flags = view.getUint32(8, true);
  return {
    index: view.getInt32(4, true),
    name: settings.name,
    isUp: (flags & LINK_FLAG.up) !== 0,
    flags,
    type: view.getUint16(2, true),
    settings,
    info: info === undefined ? undefined : decodeInfo(info),
    attributes,
  };
}

export function encodeSpec({ index = 0, isUp, settings, info }: LinkSpec): Buffer {
  const header = { index, flags: isUp === true ? LINK_FLAG.up : 0, change: isUp === undefined ? 0 : LINK_FLAG.up };
  return encodeLink(header, [
    ...encodeFields(LINK_FIELDS, settings),
    ...(info === undefined ? [] : [encodeInfo(info, encodeSpec)]),
  ]);
}

const nameOf = ({ index, settings }: LinkSpec): string => settings.name ?? `of index ${index ?? 0}`;

/** Makes a link, which must not exist. */
export function newLink(spec: LinkSpec): Change {
  return {
    step: `make the link ${nameOf(spec)}`,
    type: RTM_NEWLINK,
    body: encodeSpec(spec),
    flags: FLAG.create | FLAG.exclusive,
  };
}

/** Changes a link that there is. `what`: for messages, "set the link … up". */
export function changeLink(spec: LinkSpec, what = 'change the link'): Change {
  return { step: `${what} ${nameOf(spec)}`, type: RTM_NEWLINK, body: encodeSpec(spec) };
}

/** Takes a link away, with what is on it: by its index, or by its name. */
export function deleteLink({ index, name }: { readonly index?: number; readonly name: string }): Change {
  // By the index alone where there is one: the name may be another's by now.
  const body = encodeSpec(index === undefined ? { settings: { name } } : { index, settings: {} });
  return { step: `delete the link ${name}`, type: RTM_DELLINK, body };
}

/** undefined where there is none of this name. Throws NetlinkError. */
export function findLink(connection: Rtnetlink, name: string): Link | undefined {
  const body = encodeSpec({ settings: { name } });
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
  const body = encodeSpec({ settings: {} });
  return connection.dump({ step: 'list the links', type: RTM_GETLINK, body }).map(decodeLink);
}

/** Throws NetlinkError. */
export function setLinkUp(connection: Rtnetlink, { index, name }: Pick<Link, 'index' | 'name'>): void {
  const body = encodeSpec({ index, isUp: true, settings: {} });
  connection.change({ step: `set the link ${name} up`, type: RTM_NEWLINK, body });
}

/**
 * Moves a link into the network namespace of the descriptor `namespace`, where it is called `name` and is down and
 * without addresses. The kernel moves first and renames then: where `name` is taken there, it refuses (EEXIST) with the link
 * moved already, unless the old name is taken too. Who calls has looked.
 */
export function linkMove(link: Pick<Link, 'index' | 'name'>, namespace: number, name: string): Change {
  const body = encodeSpec({ index: link.index, settings: { namespace, name } });
  return { step: `move the link ${link.name}`, type: RTM_NEWLINK, body };
}

/** Throws NetlinkError: see linkMove. */
export function moveLink(
  connection: Rtnetlink,
  link: Pick<Link, 'index' | 'name'>,
  namespace: number,
  name: string,
): void {
  connection.batch([linkMove(link, namespace, name)]);
}
