/** Names in /etc/hosts that stand for other containers, "container:ID": for the addresses that these have at the time. */
import type { ContainerNetwork } from '../../../shared/api/network.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { liveRows } from './live.ts';

type Hosts = NonNullable<ContainerNetwork['hosts']>;

const CONTAINER = 'container:';

/** With the whole ids of the containers that are named. Throws `container_not_found`, `ambiguous_reference`. */
export function hostsFound(context: Context, hosts: Hosts): Hosts {
  return hosts.map(({ name, address }, index) => {
    if (!address.startsWith(CONTAINER)) return { name, address };
    try {
      return { name, address: CONTAINER + context.containers.find(address.slice(CONTAINER.length)).id };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const field = `network.hosts[${String(index)}].address`;
      throw new EngineError(error.code, `${field}: ${error.message}`, { field, cause: error });
    }
  });
}

/** What they come to now; who does not run, or is on no network of this container, has no line. */
export function hostsNow(context: Context, container: Container): Hosts | undefined {
  const { hosts } = container.row.network;
  if (hosts?.some(({ address }) => address.startsWith(CONTAINER)) !== true) return hosts;
  const networks = new Set(liveRows(container).map(({ network }) => network));
  return hosts.flatMap(({ name, address }) => {
    if (!address.startsWith(CONTAINER)) return [{ name, address }];
    const other = context.containers.get(address.slice(CONTAINER.length));
    const place = other === undefined ? undefined : liveRows(other).find(({ network }) => networks.has(network));
    return [place?.live.ipv4, place?.live.ipv6]
      .filter((one) => one !== undefined && one !== null)
      .map((one) => ({ name, address: one }));
  });
}

/** Those that run and have a name for the container. */
export function linkedTo(context: Context, id: string): Container[] {
  const address = CONTAINER + id;
  return [...context.containers].filter(
    ({ run, row }) => run !== undefined && row.network.hosts?.some((host) => host.address === address) === true,
  );
}
