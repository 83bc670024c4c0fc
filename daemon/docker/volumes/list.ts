/** `GET /volumes` */
import { admitsLabels, flagOf } from '../filters.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { volumeShape } from './shape.ts';

export const listVolumes: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/volumes',
  handle({ engine }, call) {
    const filters = call.query.filters(['dangling', 'driver', 'label', 'name']);
    const dangling = flagOf(filters, 'dangling');
    const names = filters.get('name') ?? [];
    const drivers = filters.get('driver') ?? ['local'];
    const volumes = engine
      .listVolumes(dangling === undefined ? {} : { dangling })
      .filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)))
      .filter(({ labels }) => admitsLabels(labels, filters));
    return {
      status: 200,
      json: { Volumes: drivers.includes('local') ? volumes.map(volumeShape) : [], Warnings: null },
    };
  },
});
