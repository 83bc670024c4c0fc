/** Tagged frames of a link below, IEEE 802.1Q: IFLA_VLAN_*; net/8021q/vlan_netlink.c. */
import { BE16, field, listOf, U16, U32_RANGE, type Codec } from '../fields.ts';

export const VLAN_FLAG = { reorderHeader: 1, gvrp: 2, looseBinding: 4, mvrp: 8, bridgeBinding: 16 } as const;

/** struct ifla_vlan_qos_mapping, from one priority to another. */
const MAPPINGS = listOf(U32_RANGE, { first: 1, isSame: true });

/** struct ifla_vlan_flags: those of `mask` are set as `flags` (VLAN_FLAG) has them. */
const FLAGS: Codec<{ readonly flags: number; readonly mask: number }> = {
  write: ({ flags, mask }) => U32_RANGE.write({ from: flags, to: mask }),
  read: (bytes) => {
    const { from, to } = U32_RANGE.read(bytes);
    return { flags: from, mask: to };
  },
};

export const VLAN = {
  /** 0 to 4095. */
  id: field(1, U16),
  flags: field(2, FLAGS),
  /** From the kernel's priorities to those of the tag, and back. */
  egress: field(3, MAPPINGS),
  ingress: field(4, MAPPINGS),
  /** ETH_P_8021Q (0x8100, the default) or ETH_P_8021AD (0x88a8). */
  protocol: field(5, BE16),
} as const;
