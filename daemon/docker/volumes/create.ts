/** `POST /volumes/create` */
import { DockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { volumeShape } from './shape.ts';

export const createVolume: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/volumes/create',
  handle({ engine }, call) {
    const body = new Fields(call.body);
    const driver = body.text('Driver') ?? '';
    if (driver !== '' && driver !== 'local') {
      throw new DockerError(
        404,
        `error looking up volume plugin ${driver.slice(0, 64)}: plugin "${driver.slice(0, 64)}" not found`,
      );
    }
    const options = Object.keys(body.record('DriverOpts'));
    if (options.length > 0) {
      throw new DockerError(
        400,
        `volume options are not offered (${options.join(', ').slice(0, 128)}): mount the device or directory as a bind`,
      );
    }
    const name = body.text('Name') ?? '';
    const labels = body.record('Labels');
    const there = name === '' ? undefined : engine.listVolumes({ name }).find((volume) => volume.name === name);
    const volume =
      there ??
      engine.createVolume({
        ...(name === '' ? {} : { name }),
        ...(Object.keys(labels).length === 0 ? {} : { labels }),
      });
    return { status: 201, json: volumeShape(volume) };
  },
});
