import { archiveOutput } from '../archive-output.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath } from '../targets.ts';

export const exportContainer: Command = {
  name: 'export',
  usage: '[OPTIONS] CONTAINER',
  summary: "Write a container's root file system to an archive",
  notes: [
    'A tar archive goes to stdout, or to a file with --output. What is mounted in the container is not part of it.',
  ],
  flags: [
    {
      name: 'output',
      short: 'o',
      type: 'string',
      value: 'FILE',
      summary: 'write to a file, not to stdout',
      completes: 'file',
    },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = ''] = input.operands;
    const path = containerPath(ref, '/export');
    await archiveOutput(input.string('output'), (take) => daemon.download('GET', path, {}, () => take));
    return 0;
  },
};
