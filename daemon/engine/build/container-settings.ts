/** What was asked of the containers of a build's RUNs. */
import type { BuildQuery } from '../../../shared/api/build.ts';
import type { CreateRequest, Limits } from '../../../shared/api/container.ts';
import type { ContainerNetwork } from '../../../shared/api/network.ts';
import { EngineError } from '../errors.ts';

/** By it the next daemon finds those of a build that was cut off: its value is the build's id. */
export const BUILD_LABEL = 'tare.build';

/** Throws `invalid_field`. */
export function containerSettings({
  query,
  id,
}: {
  readonly query: BuildQuery;
  readonly id: string;
}): Pick<CreateRequest, 'labels' | 'limits' | 'network' | 'shmSize'> {
  const limits = limitsOf(query);
  const network = networkOf(query);
  return {
    labels: { [BUILD_LABEL]: id },
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(Object.keys(network).length === 0 ? {} : { network }),
    ...(query.shmSize === undefined ? {} : { shmSize: query.shmSize }),
  };
}

function limitsOf(query: BuildQuery): Limits {
  const { memory, memorySwap, cpuShares, cpuPeriod, cpuQuota, cpuset, cpusetMems } = query;
  const given = { memory, cpuShares, cpuPeriod, cpuQuota, cpuset, cpusetMems };
  const limits = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Limits;
  if (memorySwap === undefined) return limits;
  return { ...limits, memorySwap: memorySwap === '-1' ? -1 : memorySwap };
}

function networkOf({ network, extraHost = [] }: BuildQuery): ContainerNetwork {
  const hosts = extraHost.map(hostOf);
  return { ...(network === undefined ? {} : modeOf(network)), ...(hosts.length === 0 ? {} : { hosts }) };
}

function modeOf(network: string): ContainerNetwork {
  if (network === 'default') return {};
  if (['none', 'host', 'bridge'].includes(network) || network.startsWith('container:')) return { mode: network };
  return { networks: [{ network }] };
}

function hostOf(text: string): { readonly name: string; readonly address: string } {
  const parting = /[:=]/.exec(text)?.index ?? -1;
  const [name, address] = [text.slice(0, parting), text.slice(parting + 1).replace(/^\[(.*)\]$/, '$1')];
  if (parting > 0 && address !== '') return { name, address };
  throw new EngineError('invalid_field', `extraHost: "${text.slice(0, 128)}" is not name:address`, {
    field: 'extraHost',
  });
}
