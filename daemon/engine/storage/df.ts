/** What takes the disk, and what of it could be had back. */
import type { DiskUsage } from '../../../shared/api/storage.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { inBatches } from '../in-batches.ts';
import type { ManifestRow } from '../../registry/images.ts';
import { createdAtOf, layerTable, readableConfig, shownName, sizeOf, type LayerTable } from '../images/summary.ts';
import { containersByVolume } from '../volumes/inspect.ts';
import { containerUsage } from './container-usage.ts';

/** Trees are measured side by side, on threads of their own; each answer is of its own moment. */
export async function diskUsage(context: Context): Promise<DiskUsage> {
  const table = layerTable(context);
  const [images, containers, volumes, content] = await Promise.all([
    imagesUsage(context, table),
    containersUsage(context),
    volumesUsage(context),
    context.images.store.usage(new Set(table.images.keys())),
  ]);
  return { images, containers, volumes, content };
}

async function imagesUsage(context: Context, table: LayerTable): Promise<DiskUsage['images']> {
  const { images } = context.registry;
  const rows = images.manifests();
  const isUsed = ({ digest }: ManifestRow): boolean => images.usersOf(digest).length > 0;
  const used = rows.filter(isUsed);
  const size = bytesOf(table, rows);
  return {
    total: rows.length,
    active: used.length,
    size,
    reclaimable: size - bytesOf(table, used),
    items: await inBatches(rows, async (row) => {
      const { size: own, shared } = sizeOf(table, row);
      const createdAt = createdAtOf(await readableConfig(context, row));
      return {
        id: row.config,
        names: images.namesOf(row.digest).map(({ name }) => shownName(name)),
        size: own,
        sharedSize: shared,
        uniqueSize: own - shared,
        containers: images.usersOf(row.digest).length,
        ...(createdAt === undefined ? {} : { createdAt }),
      };
    }),
  };
}

/** Of the layers of all of them, each counted once. */
function bytesOf({ sizes }: LayerTable, rows: readonly ManifestRow[]): number {
  const layers = new Set(rows.flatMap((row) => row.layers.map(({ layer }) => layer)));
  return sum([...layers].map((layer) => sizes.get(layer) ?? 0));
}

async function containersUsage(context: Context): Promise<DiskUsage['containers']> {
  const containers = [...context.containers];
  const items = await inBatches(containers, async (container) => {
    const usage = await containerUsage(context, container);
    const { id, name, row } = container;
    const image = context.registry.images.snapshotsOf(id).find(({ role }) => role === 'root')?.image;
    return { id, name, ...(image === undefined ? {} : { image }), status: row.status, ...usage, labels: row.labels };
  });
  const active = containers.filter(isActive);
  const running = new Set(active.map(({ id }) => id));
  const idle = items.filter(({ id }) => !running.has(id));
  const bytes = ({ size, logSize }: (typeof items)[number]): number => size + logSize;
  const size = sum(items.map(bytes));
  return { total: items.length, active: active.length, size, reclaimable: sum(idle.map(bytes)), items };
}

/** What prune leaves alone. */
function isActive({ row }: Container): boolean {
  return row.status !== 'created' && row.status !== 'stopped';
}

async function volumesUsage(context: Context): Promise<DiskUsage['volumes']> {
  const containers = containersByVolume(context);
  const items = await inBatches(context.registry.volumes.all(), async ({ name, device }) => ({
    name,
    // what is in a directory of the host is the host's
    size: device === undefined ? await context.trees.measure(context.places.volume(name)) : 0,
    containers: containers.get(name)?.length ?? 0,
  }));
  const unused = items.filter((item) => item.containers === 0);
  return {
    total: items.length,
    active: items.length - unused.length,
    size: sum(items.map(({ size }) => size)),
    reclaimable: sum(unused.map(({ size }) => size)),
    items,
  };
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
