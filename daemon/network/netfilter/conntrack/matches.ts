/** Which tracked connections are to be forgotten, and why. */
import { parseAddress } from '../../address.ts';
import type { PortMapping } from '../../types.ts';
import { PROTOCOL } from '../nftables/values.ts';
import { STATUS, type Flow, type FlowFilter } from './flows.ts';

export interface FlowMatch {
  readonly family: 4 | 6;
  /** What is tracked and satisfies one of them, */
  readonly filters: readonly FlowFilter[];
  /** and this. */
  matches(flow: Flow): boolean;
}

function familyOf(address: string): 4 | 6 {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new RangeError(`not an address: ${JSON.stringify(address)}`);
  return parsed.family;
}

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';

/** Where in the mapping's ports a flow's first packet went; undefined: not to it. */
function offsetIn({ hostAddress, hostPort, count }: PortMapping, { original }: Flow): number | undefined {
  if (!isWildcard(hostAddress) && original.destination !== hostAddress) return undefined;
  const offset = original.destinationPort - hostPort;
  return offset >= 0 && offset < count ? offset : undefined;
}

function leadsTo({ containerAddress, containerPort }: PortMapping, offset: number, { reply, status }: Flow): boolean {
  return (
    (status & STATUS.destinationNat) !== 0 &&
    reply.source === containerAddress &&
    reply.sourcePort === containerPort + offset
  );
}

/**
 * Connections that a mapping leads to its container. Removing the mapping ends none of them: translation is decided on
 * once for a connection, by its first packet, and a client that goes on sending UDP keeps its entry for ever.
 */
export function heldBy(mapping: PortMapping): FlowMatch {
  const { containerAddress, protocol } = mapping;
  return {
    family: familyOf(containerAddress),
    filters: [{ direction: 'reply', source: containerAddress, protocol: PROTOCOL[protocol] }],
    matches: (flow) => {
      const offset = offsetIn(mapping, flow);
      return offset !== undefined && leadsTo(mapping, offset, flow);
    },
  };
}

/**
 * UDP flows that a new mapping would be to lead to its container and that began before there was one, or were led
 * elsewhere: clients that did not stop sending while the container was away. Flows of other protocols end by themselves:
 * undefined for those.
 */
export function missedBy(mapping: PortMapping): FlowMatch | undefined {
  const { protocol, hostAddress, hostPort, count, containerAddress } = mapping;
  if (protocol !== 'udp') return undefined;
  return {
    family: familyOf(containerAddress),
    filters: [
      {
        direction: 'original',
        protocol: PROTOCOL[protocol],
        destination: isWildcard(hostAddress) ? undefined : hostAddress,
        destinationPort: count === 1 ? hostPort : undefined,
      },
    ],
    matches: (flow) => {
      const offset = offsetIn(mapping, flow);
      return offset !== undefined && !leadsTo(mapping, offset, flow);
    },
  };
}

/** All that goes to or comes from an address, such as one that a container has had and another may get. */
export function ofAddress(address: string): FlowMatch {
  return {
    family: familyOf(address),
    filters: [
      { direction: 'original', source: address },
      { direction: 'reply', source: address },
    ],
    matches: () => true,
  };
}
