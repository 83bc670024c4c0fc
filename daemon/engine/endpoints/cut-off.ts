/**
 * What a former daemon died over while it put a running container on a network or took it off. Either ends as
 * disconnected: who asked was told nothing, and a network that is half there is of no use.
 */
import type { EndpointIntent, EndpointRow } from '../../registry/endpoints.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import type { Happening } from '../journal.ts';
import { happening } from './connect.ts';
import { moveDefaultRoutes } from './default-routes.ts';
import { liveRows, networkOf, targetsOf } from './live.ts';
import { changePorts } from './publish.ts';
import { announce, releaseLeases, updateFiles } from './run.ts';
import { forgetRow, takeOff } from './take-off.ts';

interface CutOff {
  readonly container: Container;
  readonly row: EndpointRow;
  readonly happenings: readonly Happening[];
}

function cutOffs(context: Context): CutOff[] {
  return context.registry.endpoints.intended().flatMap(({ container: id, network, intent }) => {
    const container = context.containers.get(id);
    const row = container?.endpoints.find((endpoint) => endpoint.network === network);
    if (container === undefined || row === undefined) return [];
    return [{ container, row, happenings: toldOf(context, container, row, intent) }];
  });
}

/** A connect that never was one is not told of. */
function toldOf(context: Context, container: Container, row: EndpointRow, intent: EndpointIntent): Happening[] {
  return intent === 'connect' ? [] : [happening('disconnect', container, networkOf(context, row))];
}

/** Before anybody asks for anything: of containers that had ended as well. */
export function forgetCutOff(context: Context): void {
  for (const { container, row, happenings } of cutOffs(context)) {
    if (row.live === null) forgetRow(context, container, row, ...happenings);
  }
}

/** Of those that may run, whose turns are taken meanwhile; they are mended once it is known that they do. */
export async function endCutOff(context: Context): Promise<void> {
  for (const { container, row, happenings } of cutOffs(context)) {
    const words = { container: container.id, network: row.network };
    try {
      await takeOff(context, container, row, ...happenings);
      updateFiles(context, container);
      context.log.warn(words, 'the former daemon ended amid a connect or disconnect: the container is off the network');
    } catch (error) {
      context.log.error({ err: error, ...words }, 'a connect or disconnect that was cut off could not be ended');
    }
  }
}

/**
 * In the turn of a container that turned out to run: without the endpoints whose interface is gone, though nobody was
 * asked to take it away, and with default routes, ports and files as the others have them. Nothing is done where all
 * is well.
 */
export function mendNetwork(context: Context, container: Container): void {
  if (container.endpoints.length === 0 || container.run === undefined || container.run.ending) return;
  try {
    const isChanged = clearLost(context, container);
    moveDefaultRoutes(context, container);
    if (isChanged || leadElsewhere(context, container)) {
      changePorts(context, container, container.row.network.publish);
      updateFiles(context, container);
    }
  } catch (error) {
    context.log.warn({ err: error, container: container.id }, 'the network of a running container could not be mended');
  }
}

/** True: there were such. They stay the container's networks, for its next start. */
function clearLost(context: Context, container: Container): boolean {
  const lost = liveRows(container).filter(({ live }) => !context.network.hasInterface(live.hostInterface));
  if (lost.length === 0) return false;
  const networks = new Set(lost.map(({ network }) => network));
  context.log.warn({ container: container.id, networks: [...networks] }, 'a running container has lost its interface');
  context.journal.commitEnd((registry) => {
    for (const network of networks) registry.endpoints.clearLive(container.id, network);
  });
  container.endpoints = container.endpoints.map((row) => (networks.has(row.network) ? { ...row, live: null } : row));
  context.network.names.detach(container.id);
  if (liveRows(container).length > 0) announce(context, container);
  releaseLeases(
    context,
    lost.map(({ live }) => live.hostInterface),
  );
  return true;
}

/** Its ports lead to an address that it has no more, or nowhere where they could. */
function leadElsewhere(context: Context, container: Container): boolean {
  const { ipv4, ipv6 } = targetsOf(context, liveRows(container));
  const targets = [ipv4, ipv6].filter((address) => address !== undefined);
  const isMissing = container.ports.length === 0 && container.row.network.publish.length > 0 && targets.length > 0;
  return isMissing || container.ports.some(({ containerAddress }) => !targets.includes(containerAddress));
}
