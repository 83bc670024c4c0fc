/** Makes a network: a row. The host hears of it when the first container of it starts. */
import { randomBytes } from 'node:crypto';
import type { NetworkCreateRequest, NetworkCreateResponse } from '../../../shared/api/network.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { NetworkRow } from '../../registry/networks.ts';
import { EngineError } from '../errors.ts';
import { checkName } from '../rename.ts';
import { chooseBridge } from './bridge-name.ts';
import type { NetworkContext } from './context.ts';
import { Network } from './network.ts';
import { DEFAULT_NETWORK } from './networks.ts';
import { chooseSubnets } from './subnets.ts';

const DEFAULT_MTU = 1500;
/** They stand for modes of a container's network, or will. */
const RESERVED_NAMES = new Set(['none', 'host', 'container', 'ns', 'default', DEFAULT_NETWORK]);

/** Throws `invalid_field`, `name_taken`, `subnet_overlap`, `pool_exhausted`, `host_lacks_feature`, `disk_full`. */
export function createNetwork(context: NetworkContext, request: NetworkCreateRequest): NetworkCreateResponse {
  checkName(request.name);
  context.networks.checkName(request.name);
  if (RESERVED_NAMES.has(request.name)) throw invalid('name', `"${request.name}" has a meaning of its own`);
  const { network, warnings } = makeNetwork(context, request);
  return { id: network.id, name: network.name, warnings };
}

/** Without a look at its name. Throws as createNetwork does. */
export function makeNetwork(
  context: NetworkContext,
  request: NetworkCreateRequest,
): { network: Network; warnings: string[] } {
  const { families, warnings } = familiesOf(context, request);
  const row: NetworkRow = {
    id: randomBytes(32).toString('hex'),
    name: request.name,
    bridge: chooseBridge(context, request.bridge),
    internal: request.internal ?? false,
    interContainer: request.interContainer ?? true,
    mtu: request.mtu ?? DEFAULT_MTU,
    labels: request.labels ?? {},
    createdAt: nowTimestamp(),
    subnets: chooseSubnets(context, request, families),
  };
  context.journal.commit(
    (registry) => {
      registry.networks.insert(row);
    },
    { action: 'network_create', network: row },
  );
  const network = new Network(row);
  context.networks.add(network);
  return { network, warnings };
}

/** IPv6 is left out with a warning where the kernel has none, and refused where it was asked for. */
function familiesOf(
  context: NetworkContext,
  request: NetworkCreateRequest,
): { families: ReadonlySet<4 | 6>; warnings: string[] } {
  const families = new Set<4 | 6>();
  if (request.ipv4 !== false) families.add(4);
  if (request.ipv6 !== false) families.add(6);
  if (families.size === 0) throw invalid('ipv4', 'without IPv6 a network has to have IPv4');
  if (!families.has(6) || context.network.hasIpv6) return { families, warnings: [] };
  const asked = request.ipv6 === true ? 'ipv6' : fieldOfSix(request);
  if (asked !== undefined || !families.has(4)) {
    const field = asked ?? 'ipv4';
    throw new EngineError('host_lacks_feature', `${field}: this kernel has no IPv6`, { field });
  }
  return { families: new Set([4]), warnings: ['this kernel has no IPv6: the network has IPv4 only'] };
}

function fieldOfSix({ subnets = [] }: NetworkCreateRequest): string | undefined {
  const at = subnets.findIndex(({ subnet }) => subnet.includes(':'));
  return at < 0 ? undefined : `subnets[${at}].subnet`;
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
