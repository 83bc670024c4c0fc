/** Takes a container off a network, at once where it runs. */
import type { DisconnectRequest } from '../../../shared/api/network.ts';
import type { FreedLease } from '../../registry/leases.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { advance } from '../lifecycle.ts';
import { giveBack } from '../networks/addresses.ts';
import { containerOf, happening } from './connect.ts';
import { liveRows } from './live.ts';
import { moveDefaultRoutes } from './default-routes.ts';
import { announce, releaseLeases, updateFiles } from './run.ts';
import { changePorts } from './publish.ts';

/** Throws `network_not_found`, `container_not_found`, `not_connected`. */
export async function disconnect(context: Context, ref: string, request: DisconnectRequest): Promise<void> {
  const network = context.networks.find(ref);
  const container = containerOf(context, request.container);
  await container.turn.run(async () => {
    advance(container.row.status, 'update', container.name);
    const row = container.endpoints.find((endpoint) => endpoint.network === network.id);
    if (row === undefined) {
      throw new EngineError('not_connected', `container ${container.name} is not on network ${network.name}`, {
        field: 'container',
      });
    }
    const { live } = row;
    const left = container.endpoints.filter((endpoint) => endpoint !== row);
    if (live !== null) {
      context.network.names.detach(container.id, network.id);
      // the veth before its row: what is cut off in between is a container that still says it is connected
      await context.network.detach(live.hostInterface);
    }
    let freed: readonly FreedLease[] = [];
    context.journal.commit(
      (registry) => {
        registry.endpoints.delete(container.id, network.id);
        freed = registry.leases.leave(container.id, network.id);
      },
      happening('disconnect', container, network),
    );
    giveBack(context.networks, freed);
    container.endpoints = left;
    if (live === null) return;
    releaseLeases(context, [live.hostInterface]);
    if (container.run === undefined || container.run.ending) return;
    if (live.isDefault) {
      moveDefaultRoutes(context, container);
      changePorts(context, container, container.row.network.publish);
    }
    if (liveRows(container).length > 0) announce(context, container);
    updateFiles(context, container);
  });
}
