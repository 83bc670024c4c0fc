import type { Top } from '../../shared/api/container.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { printable, table } from '../format/table.ts';
import { print } from '../output.ts';
import { containerPath } from '../targets.ts';

export const top: Command = {
  name: 'top',
  usage: 'CONTAINER',
  summary: 'Show the processes of a container',
  flags: [],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = ''] = input.operands;
    const { titles, processes } = await daemon.get<Top>(containerPath(ref, '/top'));
    print(table([titles, ...processes.map((row) => row.map(printable))]));
    return 0;
  },
};
