/** The containers that a query asks for, newest first. */
import type { ContainerSummary, ListQuery } from '../../shared/api/container.ts';
import type { ContainerRow } from '../registry/containers.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { networkNames, portsShown } from './endpoints/view.ts';
import { hasLabel } from './events.ts';

export function list(context: Context, query: ListQuery): ContainerSummary[] {
  const found: ContainerSummary[] = [];
  for (const container of [...context.containers].reverse()) {
    if (!matches(container.row, query)) continue;
    found.push(summaryOf(context, container));
    if (found.length === query.limit) break;
  }
  return found;
}

function matches(row: ContainerRow, query: ListQuery): boolean {
  const { status: statuses, name, id, label: labels } = query;
  if (statuses === undefined) {
    if (query.all !== true && row.status !== 'running' && row.status !== 'paused') return false;
  } else if (!statuses.includes(row.status)) {
    return false;
  }
  return (
    (name === undefined || row.name.includes(name)) &&
    (id === undefined || row.id.startsWith(id)) &&
    (labels === undefined || labels.every((label) => hasLabel(row.labels, label)))
  );
}

export function summaryOf(context: Context, container: Container): ContainerSummary {
  const { row } = container;
  const { id, name, status, rootfs, createdAt, startedAt, pid, exit } = row;
  return {
    id,
    name,
    status,
    rootfs,
    ...(container.image === undefined ? {} : { image: container.image.name, imageId: container.image.id }),
    command: row.command as string[],
    labels: row.labels,
    createdAt,
    ...(startedAt === null ? {} : { startedAt }),
    ...(pid === null ? {} : { pid }),
    ...(exit === null ? {} : { exit }),
    restarting: false,
    ...(row.health === null ? {} : { health: row.health.status }),
    networks: networkNames(context, container),
    ports: portsShown(container),
  };
}
