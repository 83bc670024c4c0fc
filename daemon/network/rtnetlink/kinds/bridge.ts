/** Bridges and their ports: IFLA_BR_* and IFLA_BRPORT_*; net/bridge/br_netlink.c. */
import { BE16, BOOLEAN, field, MAC, U16, U32, U8 } from '../fields.ts';

/** Times are in hundredths of a second (USER_HZ). */
export const BRIDGE = {
  forwardDelay: field(1, U32),
  helloTime: field(2, U32),
  maxAge: field(3, U32),
  ageingTime: field(4, U32),
  /** 0: without a spanning tree. */
  spanningTree: field(5, U32),
  priority: field(6, U16),
  isVlanAware: field(7, BOOLEAN),
  /** An ETH_P_*, 0x8100 where it is as usual. */
  vlanProtocol: field(8, BE16),
  groupForwardMask: field(9, U16),
  groupAddress: field(20, MAC),
  multicastRouter: field(22, U8),
  isSnooping: field(23, BOOLEAN),
  isQuerier: field(25, BOOLEAN),
  callsIptables: field(36, BOOLEAN),
  callsIp6tables: field(37, BOOLEAN),
  callsArptables: field(38, BOOLEAN),
  defaultVlan: field(39, U16),
  /** Most addresses that it learns; 0 is without a limit. */
  mostLearned: field(49, U32),
} as const;

export const BRIDGE_PORT = {
  /** 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking. */
  state: field(1, U8),
  priority: field(2, U16),
  cost: field(3, U32),
  /** Hairpin: what came from the port may go back to it. */
  isHairpin: field(4, BOOLEAN),
  isGuarded: field(5, BOOLEAN),
  isRootBlocked: field(6, BOOLEAN),
  isFastLeave: field(7, BOOLEAN),
  isLearning: field(8, BOOLEAN),
  isFloodingUnicast: field(9, BOOLEAN),
  isProxyArp: field(10, BOOLEAN),
  isFloodingMulticast: field(27, BOOLEAN),
  isFloodingBroadcast: field(30, BOOLEAN),
  /** Reaches only ports that are not isolated. */
  isIsolated: field(33, BOOLEAN),
} as const;
