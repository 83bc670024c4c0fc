import type { Top } from '../../shared/api/container.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { printable, table } from '../format/table.ts';
import { print } from '../output.ts';
import { containerPath } from '../targets.ts';

export const top: Command = {
  name: 'top',
  usage: 'CONTAINER [PS-OPTION...]',
  summary: 'Show the processes of a container',
  flags: [],
  notes: ['PS-OPTION, of those of ps(1): -ef (the default), -e, aux, or -o COLUMN,…'],
  operands: { min: 1 },
  interspersed: false,
  completes: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = '', ...options] = input.operands;
    const query = options.length === 0 ? '' : `?options=${encodeURIComponent(options.join(' '))}`;
    const { titles, processes } = await daemon.get<Top>(containerPath(ref, `/top${query}`));
    print(table([titles, ...processes.map((row) => row.map(printable))]));
    return 0;
  },
};
