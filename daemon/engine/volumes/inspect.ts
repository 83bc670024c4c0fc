/** What there is to say about volumes. */
import type { Volume, VolumeListQuery } from '../../../shared/api/volume.ts';
import type { VolumeDevice, VolumeRow } from '../../registry/volumes.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { hasLabel } from '../events.ts';
import { dataOf } from './device.ts';

/** What the verbs on volumes that only look take of the Context. */
export type VolumeContext = Pick<Context, 'registry' | 'places'>;

/** By name. */
export function listVolumes(context: VolumeContext, query: VolumeListQuery): Volume[] {
  const { name, label: labels, dangling } = query;
  const containers = containersByVolume(context);
  return context.registry.volumes
    .all()
    .filter(
      (row) =>
        (name === undefined || row.name.includes(name)) &&
        (labels === undefined || labels.every((label) => hasLabel(row.labels, label))) &&
        (dangling === undefined || dangling !== containers.has(row.name)),
    )
    .map((row) => shown(context, row, containers.get(row.name) ?? []));
}

/** Throws `volume_not_found`. */
export function inspectVolume(context: VolumeContext, name: string): Volume {
  return volumeShown(context, findVolume(context, name));
}

/** Throws `volume_not_found`. */
export function findVolume({ registry }: Pick<Context, 'registry'>, name: string): VolumeRow {
  const row = registry.volumes.get(name);
  if (row !== undefined) return row;
  throw new EngineError('volume_not_found', `no volume has the name "${name.slice(0, 128)}"`);
}

export function volumeShown(context: VolumeContext, row: VolumeRow): Volume {
  return shown(context, row, context.registry.volumes.usersOf(row.name));
}

/** Ids of those that have it, by the volume's name. */
export function containersByVolume({ registry }: Pick<Context, 'registry'>): Map<string, string[]> {
  const containers = new Map<string, string[]>();
  for (const { volume, container } of registry.volumes.attachments()) {
    const ids = containers.get(volume) ?? [];
    if (!ids.includes(container)) ids.push(container);
    containers.set(volume, ids);
  }
  return containers;
}

function shown(context: VolumeContext, row: VolumeRow, containers: string[]): Volume {
  const { name, anonymous, labels, createdAt, device, driverOptions } = row;
  const mountpoint = dataOf(context, row);
  return {
    ...{ name, anonymous, mountpoint, labels, ...deviceShown(device), createdAt, containers },
    ...(driverOptions === undefined ? {} : { driverOptions: { ...driverOptions } }),
  };
}

function deviceShown(device: VolumeDevice | undefined): Partial<Volume> {
  if (device === undefined) return {};
  const { path, options, ...mount } = device;
  return { device: path, ...mount, ...(options.length === 0 ? {} : { options: [...options] }) };
}
