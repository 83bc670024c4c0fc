/** The containers that a query asks for, newest first. */
import type { ContainerSummary, ListQuery } from '../../shared/api/container.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { networkNames, portsShown } from './endpoints/view.ts';
import { hasLabel } from './events.ts';

export function list(context: Context, query: ListQuery): ContainerSummary[] {
  return found(context, query).map((container) => summaryOf(context, container));
}

/** Newest first. */
export function found(context: Context, query: ListQuery): Container[] {
  const all: Container[] = [];
  for (const container of [...context.containers].reverse()) {
    if (!matches(container, query)) continue;
    all.push(container);
    if (all.length === query.limit) break;
  }
  return all;
}

function matches(container: Container, query: ListQuery): boolean {
  const { row } = container;
  const { status: statuses, name, id, label: labels, health, restarting } = query;
  const waits = waitsForRestart(container);
  if (statuses === undefined) {
    if (query.all !== true && row.status !== 'running' && row.status !== 'paused' && !waits) return false;
  } else if (!statuses.includes(row.status)) {
    return false;
  }
  return (
    (restarting === undefined || restarting === waits) &&
    (health === undefined || health.includes(row.healthcheck === null ? 'none' : (row.health?.status ?? 'none'))) &&
    (name === undefined || row.name.includes(name)) &&
    (id === undefined || row.id.startsWith(id)) &&
    (labels === undefined || labels.every((label) => hasLabel(row.labels, label)))
  );
}

/** It has ended, and its restart policy will start it again, or is about to. */
export function waitsForRestart({ row, nextStart }: Container): boolean {
  return nextStart !== undefined && row.status === 'stopped';
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
    restarting: waitsForRestart(container),
    ...(row.health === null ? {} : { health: row.health.status }),
    networks: networkNames(context, container),
    ports: portsShown(container),
  };
}
