import type { Volume, VolumeCreateRequest } from '../../../shared/api/volume.ts';
import { type DeviceFields, VolumeOptionError, parseVolumeOptions } from '../../../shared/volume-options.ts';
import type { Command } from '../../command.ts';
import { labelsOf } from '../../create/environment.ts';
import { EXIT, UsageError } from '../../errors.ts';
import { print } from '../../output.ts';

export const create: Command = {
  name: 'volume create',
  usage: '[OPTIONS] [NAME]',
  summary: 'Create a volume',
  notes: [
    'Prints the name. Without one it is anonymous: 64 hexadecimal digits.',
    'Example: tare volume create -o type=none -o o=bind -o device=/srv/data data',
  ],
  flags: [
    { name: 'label', type: 'list', value: 'KEY[=VALUE]', summary: 'set a label' },
    { name: 'name', type: 'string', value: 'NAME', summary: 'the name, as docker also takes it' },
    {
      name: 'driver',
      short: 'd',
      type: 'string',
      value: 'DRIVER',
      summary: 'the only one is local',
      default: 'local',
      completes: ['local'],
    },
    {
      name: 'opt',
      short: 'o',
      type: 'list',
      value: 'KEY=VALUE',
      summary: 'a directory of the host that it is: type=none, o=bind[,ro,nosuid,…], device=DIRECTORY',
      completes: ['type=none', 'o=bind', 'device='],
    },
  ],
  operands: { min: 0, max: 1 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const driver = input.string('driver') ?? 'local';
    if (driver !== 'local')
      throw new UsageError(`--driver "${driver}" is not supported`, { hint: 'the only driver is local' });
    const name = input.operands[0] ?? input.string('name');
    const labels = labelsOf(input.list('label'), []);
    const request: VolumeCreateRequest = {
      ...(name === undefined ? {} : { name }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...deviceOf(input.list('opt')),
    };
    print(`${(await daemon.post<Volume>('/volumes', request)).name}\n`);
    return 0;
  },
};

/** `words`: "key=value", of which the last of a key counts. Throws UsageError. */
function deviceOf(words: readonly string[]): DeviceFields | undefined {
  const options = words.map((word): [string, string] => {
    const equals = word.indexOf('=');
    return equals === -1 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
  });
  try {
    return parseVolumeOptions(Object.fromEntries(options));
  } catch (error) {
    if (!(error instanceof VolumeOptionError)) throw error;
    throw new UsageError(`--opt: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}
