/** `POST /volumes/create` */
import { type DeviceFields, VolumeOptionError, parseVolumeOptions } from '../../../shared/volume-options.ts';
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
    const options = body.record('DriverOpts');
    const labels = body.record('Labels');
    const there = name === '' ? undefined : engine.listVolumes({ name }).find((volume) => volume.name === name);
    // as dockerd: one that is there is given as it is, whatever is asked for
    if (there !== undefined) return { status: 201, json: volumeShape(there) };
    const device = deviceOf(name, options);
    const request = {
      ...(name === '' ? {} : { name }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...device,
    };
    return { status: 201, json: volumeShape(engine.createVolume(request, device && options)) };
  },
});

/** Throws DockerError 400, in dockerd's words. */
function deviceOf(name: string, options: Readonly<Record<string, string>>): DeviceFields | undefined {
  try {
    return parseVolumeOptions(options);
  } catch (error) {
    if (!(error instanceof VolumeOptionError)) throw error;
    const { message, hint } = error;
    throw new DockerError(400, `create ${name}: ${message}${hint === undefined ? '' : ` (${hint})`}`, { cause: error });
  }
}

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
