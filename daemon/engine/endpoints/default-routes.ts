/** The default routes of a running container that has lost the network which had them: the next one leads outside. */
import { closeSync } from 'node:fs';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { openNamespace } from './joined.ts';
import { type LiveRow, holderOf, liveRows, shapeOf } from './live.ts';

/** Where another endpoint can have them it gets them, in the container and in the registry. Throws EngineError. */
export function moveDefaultRoutes(context: Context, container: Container): void {
  const rows = liveRows(container);
  const heirs = new Set<LiveRow>();
  for (const family of [4, 6] as const) {
    if (holderOf(context, rows, family) !== undefined) continue;
    const heir = holderOf(context, rows, family, () => true);
    if (heir !== undefined) heirs.add(heir);
  }
  if (heirs.size === 0) return;
  const changed = rows.map((row) => (heirs.has(row) ? { ...row, live: { ...row.live, isDefault: true } } : row));
  const namespace = openNamespace(container);
  try {
    for (const row of changed) {
      if (row.live.isDefault) context.network.route(namespace, shapeOf(context, row, changed));
    }
  } finally {
    closeSync(namespace);
  }
  // after the routes: where this is cut off, the next daemon does it again
  context.journal.commit((registry) => {
    for (const row of changed) registry.endpoints.setLive(container.id, row.network, row.live);
  });
  // those that have no veth stay as they are
  container.endpoints = container.endpoints.map((row) => changed.find(({ network }) => network === row.network) ?? row);
}
