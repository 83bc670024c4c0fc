/** Ethernet through UDP, RFC 7348: IFLA_VXLAN_*; drivers/net/vxlan. */
import { addressOf, BE16, BE16_RANGE, BOOLEAN, field, PRESENT, U32, U8 } from '../fields.ts';

export const VXLAN = {
  /** Of the network, 24 bits. */
  id: field(1, U32),
  /** The multicast group, or the one other end. */
  remote4: field(2, addressOf(4)),
  remote6: field(16, addressOf(6)),
  /** Index of the link that packets leave by. */
  link: field(3, U32),
  local4: field(4, addressOf(4)),
  local6: field(17, addressOf(6)),
  /** 0: the kernel's default. */
  timeToLive: field(5, U8),
  typeOfService: field(6, U8),
  isLearning: field(7, BOOLEAN),
  /** Seconds. */
  ageing: field(8, U32),
  /** Most entries of its table; 0 is without a limit. */
  mostEntries: field(9, U32),
  sourcePorts: field(10, BE16_RANGE),
  isProxy: field(11, BOOLEAN),
  isShortCut: field(12, BOOLEAN),
  tellsUnknownMac: field(13, BOOLEAN),
  tellsUnknownAddress: field(14, BOOLEAN),
  port: field(15, BE16),
  hasChecksum: field(18, BOOLEAN),
  sendsZeroChecksum6: field(19, BOOLEAN),
  takesZeroChecksum6: field(20, BOOLEAN),
  /** With the group of VXLAN-GBP. */
  hasGroupPolicy: field(23, PRESENT),
  /** By the metadata of each packet, not by its own id. */
  isExternal: field(25, BOOLEAN),
  /** VXLAN-GPE. */
  isGeneric: field(27, PRESENT),
} as const;
