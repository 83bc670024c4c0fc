/** What a container has mounted besides what every container has, as the API shows it. */
import { posix } from 'node:path';
import type { CreateRequest, MountPoint } from '../../../shared/api/container.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { dataOf } from '../volumes/device.ts';

/** `request`: what was asked for. Volumes that the image wants are among them; those of a bundle are its config.json's. */
export function mountPoints(
  context: Pick<Context, 'places' | 'registry'>,
  { volumes }: Pick<Container, 'volumes'>,
  { mounts = [] }: Pick<CreateRequest, 'mounts'>,
): MountPoint[] {
  const names = new Map(volumes.map(({ name, destination }) => [destination, name]));
  const asked = mounts.map((mount): MountPoint => {
    const { type, source = '', target, readonly } = mount;
    const destination = posix.resolve(target);
    const shown = { type, destination, readonly: type === 'image' ? readonly !== false : readonly === true };
    if (type === 'bind') return { ...shown, source, propagation: mount.propagation ?? 'rprivate' };
    if (type !== 'volume') return { ...shown, source };
    const name = names.get(destination) ?? source;
    names.delete(destination);
    return { ...shown, name, source: sourceOf(context, name) };
  });
  const ofImage = [...names].map(([destination, name]): MountPoint => ({
    ...{ type: 'volume', name, source: sourceOf(context, name), destination, readonly: false },
  }));
  return [...asked, ...ofImage];
}

function sourceOf(context: Pick<Context, 'places' | 'registry'>, name: string): string {
  return dataOf(context, context.registry.volumes.get(name) ?? { name });
}
