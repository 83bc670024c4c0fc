/**
 * The containers that a query asks for, with what lists of the Docker Engine API show of each besides. What never changes
 * of it is read once and kept: a list costs no look into the registry for each.
 */
import type { CreateRequest, ListQuery } from '../../shared/api/container.ts';
import type { ContainerOverview } from '../api/engine.ts';
import type { Container, ContainerFacts } from './container.ts';
import type { Context } from './context.ts';
import { exposedPorts } from './endpoints/exposed.ts';
import { endpointsShown } from './endpoints/view.ts';
import type { MadeOf } from './from-image/made-of.ts';
import { found, summaryOf } from './list.ts';
import { mountPoints } from './mounts/mount-points.ts';

export function overview(context: Context, query: ListQuery): ContainerOverview[] {
  return found(context, query).flatMap((container) => {
    const facts = (container.facts ??= factsOf(context, container));
    // it is being created
    if (facts === undefined) return [];
    const { network, failure } = container.row;
    const shown = { networkMode: network.mode, failure, endpoints: endpointsShown(context, container) };
    return [{ ...summaryOf(context, container), ...facts, ...shown }];
  });
}

function factsOf(context: Context, container: Container): ContainerFacts | undefined {
  const documents = context.registry.containers.making(container.id);
  if (documents === undefined) return undefined;
  const request = JSON.parse(documents.request) as CreateRequest;
  const { image } = JSON.parse(documents.root) as MadeOf;
  return {
    namesMode: request.network?.mode !== undefined,
    exposedPorts: exposedPorts(request, image?.exposedPorts),
    mounts: mountPoints(context, container, request),
  };
}
