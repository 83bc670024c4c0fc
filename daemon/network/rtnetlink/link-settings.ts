/** What links of every kind have: IFLA_* of include/uapi/linux/if_link.h. */
import { BOOLEAN, field, MAC, S32, TEXT, U32, U8, type Values } from './fields.ts';

export const LINK_FIELDS = {
  /** Hardware address. */
  mac: field(1, MAC),
  broadcast: field(2, MAC),
  name: field(3, TEXT),
  mtu: field(4, U32),
  /** Index of the link below, or of a veth's peer; in the namespace `parentNamespace` where that is another. */
  parent: field(5, U32),
  /** Name of the queueing discipline; only read. */
  queueing: field(6, TEXT),
  /** Index of the bridge it is a port of; 0 takes it out. */
  master: field(10, U32),
  transmitQueueLength: field(13, U32),
  /** RFC 2863: 0 unknown, 2 down, 6 up; only read. */
  operationalState: field(16, U8),
  alias: field(20, TEXT),
  group: field(27, U32),
  /** Descriptor of the network namespace that it is made in or moved to; only written. */
  namespace: field(28, U32),
  promiscuity: field(30, U32),
  transmitQueues: field(31, U32),
  receiveQueues: field(32, U32),
  carrier: field(33, BOOLEAN),
  /** The id under which this namespace knows the one of `parent`; only read. */
  parentNamespace: field(37, S32),
  leastMtu: field(50, U32),
  mostMtu: field(51, U32),
} as const;

export type LinkSettings = Values<typeof LINK_FIELDS>;
