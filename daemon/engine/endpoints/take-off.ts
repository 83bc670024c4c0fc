/** The end of an endpoint whose container stays: of a disconnect, and of a connect that failed or was cut off. */
import type { EndpointRow } from '../../registry/endpoints.ts';
import type { FreedLease } from '../../registry/leases.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import type { Happening } from '../journal.ts';
import { giveBack } from '../networks/addresses.ts';
import { moveDefaultRoutes } from './default-routes.ts';
import { liveRows } from './live.ts';
import { changePorts } from './publish.ts';
import { announce, releaseLeases, updateFiles } from './run.ts';

/**
 * First its veth, where it has one; then its row and addresses; then, where the container runs, what depended on it:
 * default routes, published ports, files. Throws EngineError.
 */
export async function takeOff(
  context: Context,
  container: Container,
  row: EndpointRow,
  ...happenings: readonly Happening[]
): Promise<void> {
  const { live } = row;
  if (live !== null) {
    context.network.names.detach(container.id, row.network);
    await context.network.detach(live.hostInterface);
  }
  forgetRow(context, container, row, ...happenings);
  if (live === null) return;
  releaseLeases(context, [live.hostInterface]);
  if (container.run === undefined || container.run.ending) return;
  if (live.isDefault) {
    moveDefaultRoutes(context, container);
    changePorts(context, container, container.row.network.publish);
  }
  if (liveRows(container).length > 0) announce(context, container);
  updateFiles(context, container);
}

/** Of the registry and of memory. What a veth still has of its addresses is free once that is gone. */
export function forgetRow(
  context: Context,
  container: Container,
  { network }: EndpointRow,
  ...happenings: readonly Happening[]
): void {
  let freed: readonly FreedLease[] = [];
  context.journal.commitEnd(
    (registry) => {
      registry.endpoints.delete(container.id, network);
      freed = registry.leases.leave(container.id, network);
    },
    ...happenings,
  );
  giveBack(context.networks, freed);
  container.endpoints = container.endpoints.filter((row) => row.network !== network);
}
