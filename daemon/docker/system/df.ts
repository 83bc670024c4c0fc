/** `GET /system/df` */
import { type DockerRoute, dockerRoute } from '../route.ts';
import { summaryOf } from '../images/list.ts';
import { unixSeconds } from '../time.ts';
import { volumeShape } from '../volumes/shape.ts';

export const diskUsage: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/system/df',
  async handle({ engine }, call) {
    const [usage, images] = await Promise.all([engine.diskUsage(), engine.listImages({ all: true })]);
    const containers = new Map(engine.list({ all: true }).map((container) => [container.id, container]));
    const volumes = new Map(engine.listVolumes({}).map((volume) => [volume.name, volume]));
    return {
      status: 200,
      json: {
        LayersSize: usage.images.size,
        Images: images.map((image) => ({ ...summaryOf(image, call.version, true), Containers: image.containers })),
        Containers: usage.containers.items.flatMap(({ id, size }) => {
          const container = containers.get(id);
          if (container === undefined) return [];
          return [
            {
              Id: id,
              Names: [`/${container.name}`],
              Image: container.image ?? container.rootfs,
              ImageID: container.imageId ?? '',
              Command: container.command.join(' '),
              Created: unixSeconds(container.createdAt),
              SizeRw: size,
              Labels: container.labels,
              State: container.status === 'stopped' ? 'exited' : container.status,
              Status: container.status,
              Mounts: [],
              Ports: [],
            },
          ];
        }),
        Volumes: usage.volumes.items.flatMap(({ name, size, containers: count }) => {
          const volume = volumes.get(name);
          // a directory of the host is none that dockerd counts
          if (volume === undefined || volume.device !== undefined) return [];
          return [{ ...volumeShape(volume), UsageData: { RefCount: count, Size: size } }];
        }),
        BuildCache: [],
        BuilderSize: 0,
      },
    };
  },
});
