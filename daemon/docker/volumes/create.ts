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
    const name = body.text('Name') ?? '';
    const driver = body.text('Driver') ?? '';
    if (driver !== '' && driver !== 'local') {
      throw new DockerError(
        404,
        `create ${name}: error looking up volume plugin ${driver.slice(0, 64)}: plugin "${driver.slice(0, 64)}" not found`,
      );
    }
    checkName(name);
    const options = Object.keys(body.record('DriverOpts'));
    if (options.length > 0) {
      throw new DockerError(
        400,
        `volume options are not offered (${options.join(', ').slice(0, 128)}): mount the device or directory as a bind`,
      );
    }
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

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** In dockerd's words. */
function checkName(name: string): void {
  if (name === '') return;
  const shown = name.slice(0, 128);
  if (name.length === 1) {
    throw new DockerError(
      400,
      `create ${shown}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  if (NAME.test(name)) return;
  throw new DockerError(
    400,
    `create ${shown}: ${JSON.stringify(shown)} includes invalid characters for a local volume name, only ` +
      '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
  );
}
