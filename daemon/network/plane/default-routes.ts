/** Default routes of a container that is on its networks already. */
import { parseAddress } from '../address.ts';
import { Rtnetlink } from '../rtnetlink/connection.ts';
import { findLink } from '../rtnetlink/links.ts';
import { anywhere, replaceRoute, routeTo } from '../rtnetlink/routes.ts';
import type { EndpointShape } from '../types.ts';
import { EndpointError } from './endpoint.ts';

/** In the namespace of the descriptor, in place of those there may be. Throws NetlinkError, EndpointError. */
export function setDefaultRoutes(namespace: number, { interface: name, gateways }: EndpointShape): void {
  const container = Rtnetlink.open(namespace);
  try {
    const link = findLink(container, name);
    if (link === undefined) throw new EndpointError(`the container has no interface ${name}`);
    const routes = gateways.flatMap((text) => {
      const gateway = parseAddress(text);
      return gateway === undefined ? [] : [routeTo(anywhere(gateway.family), link.index, { gateway })];
    });
    container.batch(routes.map(replaceRoute));
  } finally {
    container.close();
  }
}
