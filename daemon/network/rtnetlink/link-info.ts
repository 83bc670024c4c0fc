/** The kind of a link and what is the kind's own: IFLA_LINKINFO of include/uapi/linux/if_link.h. */
import { attribute, decodeAttributes, nested, readText, text, type Attribute } from './attributes.ts';
import { decodeFields, encodeFields, type Values } from './fields.ts';
import { KINDS, PORTS, type Kind, type PortKind } from './kinds.ts';
import type { LinkSettings } from './link-settings.ts';

export const IFLA_LINKINFO = 18;
const INFO_KIND = 1;
const INFO_DATA = 2;
const INFO_PORT_KIND = 4;
const INFO_PORT_DATA = 5;
/** VETH_INFO_PEER of include/uapi/linux/veth.h. */
const VETH_PEER = 1;

type TypedKind = { [K in Kind]: { readonly kind: K; readonly data?: Values<(typeof KINDS)[K]> } }[Kind];
type TypedPort = { [K in PortKind]: { readonly kind: K; readonly data: Values<(typeof PORTS)[K]> } }[PortKind];

/** What a link is. */
export type LinkKind =
  | TypedKind
  /** The kernel takes the other end when it makes one, and does not tell of it. */
  | { readonly kind: 'veth'; readonly peer?: LinkSpec }
  /** Any other, by the kernel's name for it. */
  | { readonly kind: 'other'; readonly name: string; readonly data?: readonly Attribute[] };

export interface LinkInfo {
  readonly link?: LinkKind;
  /** What it is in its master. */
  readonly port?: TypedPort;
}

/** A link to be made or changed: by its index, or where there is none by `settings.name`. */
export interface LinkSpec {
  readonly index?: number;
  readonly isUp?: boolean;
  readonly settings: LinkSettings;
  readonly info?: LinkInfo;
}

/** `encodePeer`: how the header and the attributes of a veth's other end are written. */
export function encodeInfo({ link, port }: LinkInfo, encodePeer: (peer: LinkSpec) => Uint8Array): Attribute {
  return nested(IFLA_LINKINFO, [
    ...(link === undefined ? [] : encodeKind(link, encodePeer)),
    ...(port === undefined
      ? []
      : [
          { type: INFO_PORT_KIND, value: text(port.kind) },
          nested(INFO_PORT_DATA, encodeFields(PORTS[port.kind], port.data)),
        ]),
  ]);
}

function encodeKind(link: LinkKind, encodePeer: (peer: LinkSpec) => Uint8Array): Attribute[] {
  switch (link.kind) {
    case 'veth':
      return kindOf('veth', link.peer && [{ type: VETH_PEER, value: encodePeer(link.peer), isNested: true }]);
    case 'other':
      return kindOf(link.name, link.data);
    default:
      return kindOf(link.kind, link.data && encodeFields(KINDS[link.kind], link.data));
  }
}

function kindOf(name: string, data: readonly Attribute[] | undefined): Attribute[] {
  const kind = { type: INFO_KIND, value: text(name) };
  return data === undefined ? [kind] : [kind, nested(INFO_DATA, data)];
}

/** Throws MalformedMessage. */
export function decodeInfo(bytes: Uint8Array): LinkInfo {
  const attributes = decodeAttributes(bytes);
  const kind = attribute(attributes, INFO_KIND);
  const port = attribute(attributes, INFO_PORT_KIND);
  const inner = (type: number): Attribute[] => decodeAttributes(attribute(attributes, type) ?? new Uint8Array(0));
  return {
    ...(kind !== undefined && { link: decodeKind(readText(kind), inner(INFO_DATA)) }),
    ...(port !== undefined && decodePort(readText(port), inner(INFO_PORT_DATA))),
  };
}

function decodeKind(name: string, data: readonly Attribute[]): LinkKind {
  if (name === 'veth') return { kind: 'veth' };
  if (!Object.hasOwn(KINDS, name)) return { kind: 'other', name, data };
  const kind = name as Kind;
  return { kind, data: decodeFields(KINDS[kind], data) } as TypedKind;
}

/** Ports of other masters than are known (bonds, for one) are passed over. */
function decodePort(name: string, data: readonly Attribute[]): { port?: TypedPort } {
  if (!Object.hasOwn(PORTS, name)) return {};
  const kind = name as PortKind;
  return { port: { kind, data: decodeFields(PORTS[kind], data) } };
}
