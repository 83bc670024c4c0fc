/** The endpoint of a container in a network: a pair of veths, one a port of the bridge, the other in the container. */
import { parseAddress } from '../address.ts';
import { globalAddress, newAddress } from '../rtnetlink/addresses.ts';
import { NetlinkError, Rtnetlink, type Change } from '../rtnetlink/connection.ts';
import type { LinkSpec } from '../rtnetlink/link-info.ts';
import { changeLink, deleteLink, findLink, newLink } from '../rtnetlink/links.ts';
import { anywhere, newRoute, routeTo } from '../rtnetlink/routes.ts';
import type { EndpointShape } from '../types.ts';

const ENODEV = 19;

/** An interface of the endpoint's name is there already, or the bridge is not. */
export class EndpointError extends Error {
  override name = 'EndpointError';
}

/** By default as many as processors are possible, all allocated, and of use to XDP programs alone. */
const ONE_QUEUE = { transmitQueues: 1, receiveQueues: 1 } as const;

/** The peer is born in `namespace`, the other end as the port of the bridge of the index `master`. */
function pair({ hostInterface, interface: name, mac, mtu }: EndpointShape, master: number, namespace: number): Change {
  const peer: LinkSpec = { settings: { name, mac, mtu, namespace, ...ONE_QUEUE } };
  const settings = { name: hostInterface, mtu, master, ...ONE_QUEUE };
  return newLink({ settings, info: { link: { kind: 'veth', peer } } });
}

/**
 * Up, as a port should be; the kernel takes what concerns a port of a link that is one already.
 *
 * What is bridged may go back by the port it came from: so does a container that reaches its own published port, where
 * the host has its bridges filtered by IP (br_netfilter).
 */
function setPort({ hostInterface, isolated = false }: EndpointShape): Change {
  const port = { kind: 'bridge', data: { isHairpin: true, isIsolated: isolated } } as const;
  return changeLink({ isUp: true, settings: { name: hostInterface }, info: { port } }, 'set up the link');
}

/** What the container's end gets once it is there. */
function settle({ interface: name, addresses, gateways }: EndpointShape, index: number): Change[] {
  return [
    changeLink({ index, isUp: true, settings: {} }, `set ${name} up: the link`),
    ...addresses.map((cidr) => newAddress(globalAddress(index, cidr))),
    ...gateways.map((text) => {
      const gateway = parseAddress(text);
      if (gateway === undefined) throw new RangeError(`the gateway ${JSON.stringify(text)} of ${name} is no address`);
      return newRoute(routeTo(anywhere(gateway.family), index, { gateway }));
    }),
  ];
}

function indexOf(connection: Rtnetlink, name: string, whose: string): number {
  const link = findLink(connection, name);
  if (link === undefined) throw new EndpointError(`${whose} has no interface ${name}`);
  return link.index;
}

/** Throws EndpointError where there is none of this name, NetlinkError. */
export function indexOfBridge(host: Rtnetlink, name: string): number {
  return indexOf(host, name, 'the host');
}

/** The kernel takes 20 ms for each; what cannot be undone is told with what failed. */
function undo(host: Rtnetlink, endpoints: readonly EndpointShape[], cause: unknown): never {
  const failures: unknown[] = [cause];
  for (const { hostInterface } of endpoints) {
    try {
      host.batch([deleteLink({ name: hostInterface })]);
    } catch (error) {
      if (!isGone(error)) failures.push(error);
    }
  }
  if (failures.length === 1) throw cause;
  const words = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  throw new EndpointError(words.join('; and when it was to be undone: '), { cause });
}

const isGone = (error: unknown): boolean => error instanceof NetlinkError && error.errno === ENODEV;

/**
 * Gives the network namespace (a descriptor) its end of every endpoint, with addresses and default routes, and up; the
 * other ends are ports of their bridges. All of them, or none. `bridgeIndex`: for who knows it already.
 *
 * @throws NetlinkError, by whose `step` one knows what the kernel refused; EndpointError; SystemError
 */
export function attachEndpoints(
  host: Rtnetlink,
  namespace: number,
  endpoints: readonly EndpointShape[],
  bridgeIndex: (name: string) => number = (name) => indexOfBridge(host, name),
): void {
  if (endpoints.length === 0) return;
  const masters = endpoints.map(({ bridge }) => bridgeIndex(bridge));
  const made: EndpointShape[] = [];
  const container = Rtnetlink.open(namespace);
  try {
    for (const [at, endpoint] of endpoints.entries()) {
      host.batch([pair(endpoint, masters[at] ?? 0, namespace)]);
      made.push(endpoint);
      host.batch([setPort(endpoint)]);
    }
    const indexes = endpoints.map((endpoint) => indexOf(container, endpoint.interface, 'the container'));
    container.batch(endpoints.flatMap((endpoint, at) => settle(endpoint, indexes[at] ?? 0)));
  } catch (error) {
    undo(host, made, error);
  } finally {
    container.close();
  }
}

/** One of them: see attachEndpoints. */
export function attachEndpoint(host: Rtnetlink, namespace: number, endpoint: EndpointShape): void {
  attachEndpoints(host, namespace, [endpoint]);
}
