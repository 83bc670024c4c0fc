/** Once the containers are in memory: the images that they are made of, and the volumes that they have. */
import type { Context } from '../context.ts';

export function loadContents({ registry, containers }: Context): void {
  for (const { container, image, config } of registry.images.roots()) {
    const made = containers.get(container);
    if (made !== undefined) made.image = { name: image, id: config };
  }
  for (const { container, volume, destination } of registry.volumes.attachments()) {
    const having = containers.get(container);
    if (having !== undefined) having.volumes = [...having.volumes, { name: volume, destination }];
  }
}
