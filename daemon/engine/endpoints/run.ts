/** The network of one run: before its plan, at its stop, and at its end. */
import { readFileSync, statSync } from 'node:fs';
import type { Registry } from '../../registry/registry.ts';
import { containerFiles, nameserversOf, writeContainerFiles } from '../../network/container-files.ts';
import { InterfaceError, makeInterfaces } from '../../network/plane/interfaces.ts';
import type { EndpointShape } from '../../network/types.ts';
import type { Interface } from '../../../shared/api/network.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { giveBack } from '../networks/addresses.ts';
import { vethPrefix } from '../networks/bridge-name.ts';
import { type Leased, type LiveRow, liveRows, networkOf, shapeOf } from './live.ts';
import { hostError } from './host-error.ts';
import { hostsNow, linkedTo } from './linked-hosts.ts';
import { makePins } from './pins.ts';
import { freePorts } from './ports.ts';

const HOSTS = '/etc/hosts';
const HOSTS_MAX = 1 << 20;
/** Addresses that are free besides those of namespaces that are held for a moment. */
const ENOUGH_LEFT = 64;

/** Before anything is taken: the bridges of its networks stand. Throws EngineError. */
export async function readyForRun(context: Context, container: Container): Promise<void> {
  if (container.endpoints.length === 0) return;
  await context.network.ensure(container.endpoints.map((row) => networkOf(context, row).row));
}

/** The intent is recorded: the container has it in memory, and its files are there for its plan to bind. */
export function takeLeased(context: Context, container: Container, { endpoints, ports }: Leased): void {
  if (endpoints.length > 0) {
    container.endpoints = endpoints;
    container.ports = ports;
  }
  writeFiles(context, container);
  for (const other of linkedTo(context, container.id)) updateFiles(context, other);
}

/**
 * While init mounts: addresses and routes, names, published ports. `namespace`: a descriptor of the network namespace that
 * init is born in. Throws EngineError.
 */
export function attachAhead(context: Context, container: Container, namespace: number): void {
  attachEndpoints(context, container, (endpoints) => {
    context.network.attachTo(namespace, endpoints);
  });
}

/**
 * At the stop of its plan: networks, where they were not attached ahead; interfaces of its own making, pins. `pid`: of
 * init. Throws EngineError.
 */
export async function attachNetwork(
  context: Context,
  container: Container,
  { pid, isAhead }: { readonly pid: number; readonly isAhead: boolean },
): Promise<void> {
  if (!isAhead) {
    attachEndpoints(context, container, (endpoints) => {
      context.network.attach(pid, endpoints);
    });
  }
  const { interfaces = [] } = container.row.network;
  if (interfaces.length > 0) await assemble(interfaces, pid);
  makePins(container, pid);
}

/** There is more to do at the stop than to attach networks. */
export function actsAtStop({ row: { network } }: Container): boolean {
  return (network.interfaces ?? []).length > 0 || network.pins !== undefined;
}

async function assemble(interfaces: readonly Interface[], pid: number): Promise<void> {
  try {
    await makeInterfaces(interfaces, pid);
  } catch (error) {
    if (!(error instanceof InterfaceError)) throw hostError(error, 'the interfaces of the container cannot be made');
    throw new EngineError('invalid_field', error.message, { field: error.field, cause: error });
  }
}

function attachEndpoints(
  context: Context,
  container: Container,
  attach: (endpoints: readonly EndpointShape[]) => void,
): void {
  const endpoints = liveRows(container);
  if (endpoints.length === 0) return;
  attach(endpoints.map((row) => shapeOf(context, row, endpoints)));
  announce(context, container);
  context.network.publish(container.ports);
}

/** Its names are answered from now on. */
export function announce(
  context: Context,
  container: Container,
  endpoints: readonly LiveRow[] = liveRows(container),
): void {
  const { id, name, row } = container;
  context.network.names.attach({
    container: id,
    networks: endpoints.map((endpoint) => ({
      networkId: endpoint.network,
      networkName: networkOf(context, endpoint).name,
      name,
      aliases: endpoint.aliases,
      ids: [id.slice(0, 12), id],
      ipv4: endpoint.live.ipv4 ?? undefined,
      ipv6: endpoint.live.ipv6 ?? undefined,
    })),
    servers: row.network.dns?.servers,
  });
}

/** In the transaction that records the end of the run, or of a start that failed. Leases end with their veths. */
export function recordNetworkEnd(registry: Registry, container: Container): void {
  if (!hasNetwork(container)) return;
  registry.ports.deleteOf(container.id);
  registry.endpoints.clearLive(container.id);
}

/** After it: names and ports are gone at once. */
export function endNetwork(context: Context, container: Container): void {
  if (!hasNetwork(container)) return;
  const { ports } = container;
  context.network.names.detach(container.id);
  context.network.unpublish(ports);
  freePorts(context.network.ports, ports);
  container.ports = [];
  container.endpoints = container.endpoints.map((row) => ({ ...row, live: null }));
  for (const other of linkedTo(context, container.id)) updateFiles(context, other);
}

/** Where few addresses are left, or the container has one of its own that its next start uses again, none is held. */
export function mayBeHeld(context: Context, container: Container): boolean {
  return container.endpoints.every((row) => {
    if (row.ipv4 !== null || row.ipv6 !== null) return false;
    const network = networkOf(context, row);
    return ([4, 6] as const).every((family) => (network.addresses(family)?.left ?? ENOUGH_LEFT) >= ENOUGH_LEFT);
  });
}

/** Of a start that failed: what never had a veth, or has none any more, is free at once. Before endNetwork. */
export function releaseUnmade(context: Context, container: Container): void {
  const names = liveRows(container)
    .map(({ live }) => live.hostInterface)
    .filter((name) => !context.network.hasInterface(name));
  releaseLeases(context, names);
}

/** Veths are gone: so are the leases that they had. */
export function releaseLeases(context: Context, hostInterfaces: readonly string[]): void {
  if (hostInterfaces.length === 0) return;
  let freed: ReturnType<Registry['leases']['releaseInterface']> = [];
  context.journal.commitEnd((registry) => {
    freed = hostInterfaces.flatMap((name) => registry.leases.releaseInterface(name));
  });
  giveBack(context.networks, freed);
}

/** Told by the kernel, of any interfaces; none named: some were missed, so all that are leased are looked for. */
export function linksGone(context: Context, names: readonly string[]): void {
  try {
    const ours = names.filter((name) => name.startsWith(vethPrefix(context.places.networkTag)));
    releaseLeases(context, names.length > 0 ? ours : missing(context));
  } catch (error) {
    context.log.error({ err: error }, 'addresses could not be given back: the next start of the daemon does');
  }
}

function missing(context: Context): string[] {
  const there = new Set(context.network.linkNames());
  // of a start under way, which may have no veth yet
  for (const container of context.containers) for (const { live } of liveRows(container)) there.add(live.hostInterface);
  const leased = new Set(context.registry.leases.all().map(({ hostInterface }) => hostInterface));
  return [...leased].filter((name) => name !== null).filter((name) => !there.has(name));
}

function hasNetwork(container: Container): boolean {
  return container.ports.length > 0 || container.endpoints.some(({ live }) => live !== null);
}

/** /etc/hosts, hostname and resolv.conf, as they are now. */
export function writeFiles(context: Context, container: Container): void {
  const { files, dns } = container.row.network;
  if (files === undefined) return;
  const hosts = hostsNow(context, container);
  const endpoints = liveRows(container);
  const networks = endpoints.map((row) => networkOf(context, row).row);
  const gateways = networks.map(({ subnets }) => subnets.map(({ gateway }) => gateway));
  const isServed = networks.length > 0 && networks.every((network) => context.network.answersNames(network));
  const served = networks.map(({ internal }, index) => ({ internal, gateways: gateways[index] ?? [] }));
  const content = containerFiles({
    hostname: files.hostname,
    ...(files.domainname === undefined ? {} : { domainname: files.domainname }),
    addresses: endpoints.flatMap(({ live }) => [live.ipv4, live.ipv6].filter((address) => address !== null)),
    ...(hosts === undefined ? {} : { hosts }),
    hostGateways: gateways[0] ?? [],
    nameservers: isServed ? nameserversOf(served) : undefined,
    ...(dns === undefined ? {} : { dns }),
    host: context.network.resolvers.current(),
    ...(container.row.network.mode === 'host' ? { hostsOfHost: hostsOfHost() } : {}),
  });
  writeContainerFiles(context.places.names(container.id), content, files.owner);
}

/** Of the host's network it has the host's names. */
function hostsOfHost(): string {
  const status = statSync(HOSTS, { throwIfNoEntry: false });
  return status?.isFile() === true && status.size <= HOSTS_MAX ? readFileSync(HOSTS, 'utf8') : '';
}

/** While it runs: a container that holds a file of its own fast keeps it as it is. */
export function updateFiles(context: Context, container: Container): void {
  try {
    writeFiles(context, container);
  } catch (error) {
    context.log.warn({ err: error, container: container.id }, 'ignoring that files for names could not be written');
  }
}
