/** What the kinds of links have of their own: IFLA_INFO_DATA; include/uapi/linux/if_link.h. */
import { BRIDGE, BRIDGE_PORT } from './kinds/bridge.ts';
import { IPVLAN, MACVLAN } from './kinds/macvlan.ts';
import { VLAN } from './kinds/vlan.ts';
import { VXLAN } from './kinds/vxlan.ts';

/** They have nothing; keys and peers of WireGuard are set by a protocol of its own. */
const PLAIN = {} as const;

/** Without veth, which is made with another link. */
export const KINDS = {
  bridge: BRIDGE,
  dummy: PLAIN,
  ifb: PLAIN,
  ipvlan: IPVLAN,
  macvlan: MACVLAN,
  vlan: VLAN,
  vxlan: VXLAN,
  wireguard: PLAIN,
} as const;
export type Kind = keyof typeof KINDS;

/** What a link has as the port of one of its master's kind. */
export const PORTS = { bridge: BRIDGE_PORT } as const;
export type PortKind = keyof typeof PORTS;
