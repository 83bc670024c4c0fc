import type { ArchiveFormat } from '../../shared/api/image.ts';
import { archiveOutput } from '../archive-output.ts';
import type { Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';

/** shared/api/image.ts says the same; importing it would load the schemas. */
const FORMATS = ['docker-archive', 'oci-archive'] as const satisfies readonly ArchiveFormat[];

export const save: Command = {
  name: 'save',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Write images to an archive',
  notes: ['The archive goes to stdout, or to a file with --output. Docker, Podman and skopeo read both formats.'],
  flags: [
    {
      name: 'output',
      short: 'o',
      type: 'string',
      value: 'FILE',
      summary: 'write to a file, not to stdout',
      completes: 'file',
    },
    {
      name: 'format',
      type: 'string',
      value: 'FORMAT',
      summary: 'docker-archive or oci-archive',
      default: 'docker-archive',
      completes: FORMATS,
    },
    { name: 'platform', type: 'string', summary: '', refused: 'name the image of the platform by its id' },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'image',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const asked = input.string('format');
    const format = FORMATS.find((name) => name === asked);
    if (asked !== undefined && format === undefined) {
      throw new UsageError(`--format "${asked}" is not supported`, { hint: `there are ${FORMATS.join(' and ')}` });
    }
    const body = { images: [...input.operands], ...(format === undefined ? {} : { format }) };
    await archiveOutput(input.string('output'), (take) =>
      daemon.download('POST', '/images/save', { body }, () => take),
    );
    return 0;
  },
};
