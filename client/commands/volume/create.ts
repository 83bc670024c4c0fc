import type { Volume, VolumeCreateRequest } from '../../../shared/api/volume.ts';
import type { Command } from '../../command.ts';
import { labelsOf } from '../../create/environment.ts';
import { EXIT, UsageError } from '../../errors.ts';
import { print } from '../../output.ts';

export const create: Command = {
  name: 'volume create',
  usage: '[OPTIONS] [NAME]',
  summary: 'Create a volume',
  notes: ['Prints the name. Without one it is anonymous: 64 hexadecimal digits.'],
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
      summary: '',
      refused: 'a volume is a directory; use --mount type=bind or type=tmpfs for others',
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
    };
    print(`${(await daemon.post<Volume>('/volumes', request)).name}\n`);
    return 0;
  },
};
