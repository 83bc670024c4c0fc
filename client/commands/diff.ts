import type { Change } from '../../shared/api/files.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { printable } from '../format/table.ts';
import { print } from '../output.ts';
import { containerPath } from '../targets.ts';

const LETTERS: Readonly<Record<Change['kind'], string>> = { modified: 'C', added: 'A', deleted: 'D' };

export const diff: Command = {
  name: 'diff',
  usage: 'CONTAINER',
  summary: 'Show what a container changed in its root file system',
  notes: ['A path a line, after A for added, C for changed, D for deleted.'],
  flags: [],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = ''] = input.operands;
    const changes = await daemon.get<Change[]>(containerPath(ref, '/changes'));
    print(changes.map(({ kind, path }) => `${LETTERS[kind]} ${printable(path)}\n`).join(''));
    return 0;
  },
};
