/** Puts a container on one more network, at once where it runs. */
import { closeSync } from 'node:fs';
import type { ConnectRequest } from '../../../shared/api/network.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { advance } from '../lifecycle.ts';
import { giveBack } from '../networks/addresses.ts';
import type { Network } from '../networks/network.ts';
import { openNamespace } from './joined.ts';
import { untilLeft } from './left-addresses.ts';
import { holderOf, interfacesOf, leaseOne, type LiveRow, liveRows, networkOf, recordLeased, shapeOf } from './live.ts';
import { recordEndpoints, type TakenEndpoints, takeEndpoints } from './prepare.ts';
import { changePorts } from './publish.ts';
import { announce, updateFiles } from './run.ts';
import { takeOff } from './take-off.ts';
import { interfaceNames, wishOf } from './wish.ts';

/** Throws `network_not_found`, `container_not_found`, `no_network_of_its_own`, `already_connected`, `invalid_field`, … */
export async function connect(context: Context, ref: string, request: ConnectRequest): Promise<void> {
  const network = context.networks.find(ref);
  const container = containerOf(context, request.container);
  await container.turn.run(async () => {
    advance(container.row.status, 'update', container.name);
    check(container, network);
    const wish = wishOf(network, request, '');
    const used = [
      ...interfacesOf(container),
      ...container.endpoints.map((row) => row.live?.interface ?? row.interface),
    ];
    if (wish.interface !== null && used.includes(wish.interface)) {
      throw invalid('interface', `the container has an interface "${wish.interface}" already`);
    }
    const runs = container.run !== undefined && !container.run.ending && container.row.pid !== null;
    if (runs) await context.network.ensure([network.row]);
    await untilLeft(context, [wish]);
    const position = Math.max(-1, ...container.endpoints.map((row) => row.position)) + 1;
    const taken = takeEndpoints(context, container.id, [wish], position);
    if (runs) await join(context, container, network, taken);
    else rest(context, container, network, taken);
  });
}

export function containerOf(context: Context, ref: string): Container {
  try {
    return context.containers.find(ref);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, error.message, { field: 'container', cause: error });
  }
}

function check(container: Container, network: Network): void {
  const { mode } = container.row.network;
  if (mode !== 'bridge') {
    throw new EngineError('no_network_of_its_own', `container ${container.name} has the network mode "${mode}"`, {
      field: 'container',
      hint: 'containers of mode "bridge" can be connected to networks',
    });
  }
  if (container.endpoints.some((row) => row.network === network.id)) {
    throw new EngineError('already_connected', `container ${container.name} is on network ${network.name}`, {
      field: 'container',
    });
  }
}

/** It does not run: its next start finds the network among its others. */
function rest(context: Context, container: Container, network: Network, taken: TakenEndpoints): void {
  try {
    context.journal.commit(
      (registry) => {
        recordEndpoints(registry, taken);
      },
      happening('connect', container, network),
    );
  } catch (error) {
    giveBack(context.networks, taken.leases);
    throw error;
  }
  container.endpoints = [...container.endpoints, ...taken.rows];
}

export function happening(action: 'connect' | 'disconnect', container: Container, network: Network) {
  return { action, container: container.row, network: network.row, detail: network.name };
}

/** Where this is cut off, the next daemon undoes it: the intent tells it (cut-off.ts). */
async function join(context: Context, container: Container, network: Network, taken: TakenEndpoints): Promise<void> {
  const before = container.endpoints;
  const [row] = taken.rows;
  if (row === undefined) return;
  const inUse = new Set([...interfacesOf(container), ...liveRows(container).map(({ live }) => live.interface)]);
  let leased: ReturnType<typeof leaseOne>;
  try {
    leased = leaseOne(context, row, interfaceNames([row], inUse)[0] ?? '');
  } catch (error) {
    giveBack(context.networks, taken.leases);
    throw error;
  }
  const endpoint = withMissingRoutes(context, container, leased.endpoint);
  try {
    context.journal.commit((registry) => {
      recordEndpoints(registry, taken);
      recordLeased(registry, container, { endpoints: [endpoint], leases: leased.leases, ports: [] });
      registry.endpoints.setIntent(container.id, network.id, 'connect');
    });
  } catch (error) {
    giveBack(context.networks, [...taken.leases, ...leased.leases]);
    throw error;
  }
  container.endpoints = [...before, endpoint];
  try {
    attachLive(context, container, endpoint);
    announce(context, container);
    updateFiles(context, container);
    if (endpoint.live.isDefault) changePorts(context, container, container.row.network.publish);
    context.journal.commit(
      (registry) => {
        registry.endpoints.setIntent(container.id, network.id, null);
      },
      happening('connect', container, network),
    );
  } catch (error) {
    await takeOff(context, container, endpoint).catch((cause: unknown) => {
      context.log.error({ err: cause, container: container.id }, 'a connect that failed could not be undone');
    });
    throw error;
  }
}

/** It has the default route only where there was none. */
function withMissingRoutes(context: Context, container: Container, endpoint: LiveRow): LiveRow {
  const rows = liveRows(container);
  const { ipv4, ipv6 } = endpoint.live;
  if (networkOf(context, endpoint).row.internal) return endpoint;
  const isFirst =
    (ipv4 !== null && holderOf(context, rows, 4) === undefined) ||
    (ipv6 !== null && holderOf(context, rows, 6) === undefined);
  return isFirst ? { ...endpoint, live: { ...endpoint.live, isDefault: true } } : endpoint;
}

function attachLive(context: Context, container: Container, endpoint: LiveRow): void {
  const namespace = openNamespace(container);
  try {
    context.network.attachTo(namespace, [shapeOf(context, endpoint, liveRows(container))]);
  } finally {
    closeSync(namespace);
  }
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
