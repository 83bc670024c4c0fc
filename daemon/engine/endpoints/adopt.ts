/**
 * After a former daemon: what its containers have goes on, what nobody has any more is given back. Names answer and
 * ports are published again before the containers themselves are asked how they are; those that turn out to have ended
 * lose theirs as at any end.
 */
import type { NetworkShape } from '../../network/types.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { bridgePrefix, vethPrefix } from '../networks/bridge-name.ts';
import { loadNetworks } from '../networks/load.ts';
import { extensionPrefix, isExtension } from './bridge-ports.ts';
import { endCutOff, forgetCutOff } from './cut-off.ts';
import { liveRows, networkOf } from './live.ts';
import { takePorts } from './ports.ts';
import { announce, linksGone } from './run.ts';

/** Before the containers are loaded. */
export function loadNetworking(context: Context): void {
  loadNetworks(context.registry, context.networks);
}

/** Once they are: their endpoints and ports in memory. Nothing of the host is looked at. */
export function loadEndpoints(context: Context): void {
  for (const row of context.registry.endpoints.all()) {
    const container = context.containers.get(row.container);
    if (container !== undefined) container.endpoints = [...container.endpoints, row];
  }
  for (const row of context.registry.ports.all()) {
    const container = context.containers.get(row.container);
    if (container !== undefined) container.ports = [...container.ports, row];
  }
  for (const { ports } of context.containers) takePorts(context.network.ports, ports);
  forgetCutOff(context);
}

/** At the start of the daemon. A failure is told to the log: containers run on, and the next start of one says why. */
export async function adoptNetworks(context: Context): Promise<void> {
  if (context.networks.size === 0) return;
  const { network } = context;
  try {
    await endCutOff(context);
    const links = new Set(network.linkNames());
    // veths went while nobody watched, or with the last boot
    linksGone(context, []);
    const living = [...context.containers].filter((container) => runsOn(context, container));
    // their names first: DNS answers as soon as it listens
    for (const container of living) announce(context, container);
    const standing = standingOf(context, living, links);
    if (standing.length === 0) return;
    await network.adopt(
      standing,
      living.flatMap(({ ports }) => ports),
    );
    await sweepLinks(context, links);
  } catch (error) {
    context.log.error({ err: error }, 'the networks of the former daemon could not be taken over');
  }
}

/** It may run: of this boot, with what a run has. */
function runsOn(context: Context, container: Container): boolean {
  return container.row.bootId === context.bootId && liveRows(container).length > 0;
}

/** Networks that somebody is on, or whose bridge was left standing. */
function standingOf(context: Context, living: readonly Container[], links: ReadonlySet<string>): NetworkShape[] {
  const needed = new Set(living.flatMap((container) => liveRows(container).map((row) => networkOf(context, row))));
  for (const one of context.networks) if (links.has(one.row.bridge)) needed.add(one);
  return [...needed].map(({ row }) => row);
}

/** Of our name and of no row: left where the registry was lost. */
async function sweepLinks(context: Context, links: ReadonlySet<string>): Promise<void> {
  const { networkTag } = context.places;
  const bridges = new Set([...context.networks].map(({ row }) => row.bridge));
  const leased = new Set(context.registry.leases.all().map(({ hostInterface }) => hostInterface));
  const live = new Set([...context.containers].flatMap((one) => liveRows(one).map((row) => row.live.hostInterface)));
  const isUsed = (name: string): boolean =>
    bridges.has(name) || [...bridges].some((bridge) => isExtension(networkTag, name, bridge));
  const prefixes = [bridgePrefix(networkTag), extensionPrefix(networkTag)];
  const veth = new RegExp(`^${vethPrefix(networkTag)}[0-9a-f]{8}$`);
  const strays = [...links].filter(
    (name) =>
      (prefixes.some((prefix) => name.startsWith(prefix)) && !isUsed(name)) ||
      (veth.test(name) && !leased.has(name) && !live.has(name)),
  );
  await context.network.removeLinks(strays);
}
