/** Reads the registry into memory. What a former daemon left unsettled keeps its turn until it is reconciled. */
import type { ContainerRow } from '../../registry/containers.ts';
import { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { loadEndpoints, loadNetworking } from '../endpoints/adopt.ts';
import { loadContents } from '../mounts/load.ts';

/** The containers of which only their shim, or its absence, tells how they are. */
export function load(context: Context): Container[] {
  const unsettled: Container[] = [];
  loadNetworking(context);
  for (const row of context.registry.containers.all()) {
    const container = new Container(row);
    context.containers.add(container);
    if (isUnsettled(row)) unsettled.push(container);
  }
  loadEndpoints(context);
  loadContents(context);
  return unsettled;
}

function isUnsettled(row: ContainerRow): boolean {
  return row.intent !== null || row.poststop !== null || (row.status !== 'created' && row.status !== 'stopped');
}
