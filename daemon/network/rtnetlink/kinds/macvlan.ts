/** Links with hardware addresses of their own on one below: IFLA_MACVLAN_*; drivers/net/macvlan.c. */
import { field, listOf, MAC, U16, U32 } from '../fields.ts';

export const MACVLAN_MODE = { private: 1, vepa: 2, bridge: 4, passThrough: 8, source: 16 } as const;
export const MACVLAN_FLAG = { notPromiscuous: 1, noDestination: 2 } as const;
/** What is done with the addresses that a link of the mode `source` takes packets of. */
export const MACVLAN_SOURCES = { add: 0, remove: 1, flush: 2, set: 3 } as const;

export const MACVLAN = {
  /** MACVLAN_MODE. */
  mode: field(1, U32),
  /** MACVLAN_FLAG. */
  flags: field(2, U16),
  /** MACVLAN_SOURCES; only written. */
  change: field(3, U32),
  /** The source that is added or removed; only written. */
  source: field(4, MAC),
  sources: field(5, listOf(MAC, { first: 4, isSame: true })),
  /** Only read. */
  sourceCount: field(6, U32),
  broadcastQueueLength: field(7, U32),
} as const;

export const IPVLAN_MODE = { l2: 0, l3: 1, l3s: 2 } as const;
export const IPVLAN_FLAG = { private: 1, vepa: 2 } as const;

/** The same with the hardware address of the one below: IFLA_IPVLAN_*; drivers/net/ipvlan. */
export const IPVLAN = {
  /** IPVLAN_MODE. */
  mode: field(1, U16),
  /** IPVLAN_FLAG. */
  flags: field(2, U16),
} as const;
