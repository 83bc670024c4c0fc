/** Takes a container off a network, at once where it runs. */
import type { DisconnectRequest } from '../../../shared/api/network.ts';
import type { EndpointRow } from '../../registry/endpoints.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { advance } from '../lifecycle.ts';
import { containerOf, happening } from './connect.ts';
import { takeOff } from './take-off.ts';

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
    if (row.live !== null) intend(context, row, 'disconnect');
    try {
      await takeOff(context, container, row, happening('disconnect', container, network));
    } catch (error) {
      if (container.endpoints.some(({ network: id }) => id === row.network)) intend(context, row, null);
      throw error;
    }
  });
}

/** Where a disconnect is cut off, the next daemon does the rest (cut-off.ts). */
function intend(context: Context, { container, network }: EndpointRow, intent: 'disconnect' | null): void {
  context.journal.commit((registry) => {
    registry.endpoints.setIntent(container, network, intent);
  });
}
