import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath, each } from '../targets.ts';

export const rm: Command = {
  name: 'rm',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Remove containers',
  flags: [
    { name: 'force', short: 'f', type: 'boolean', summary: 'end it first, where it runs' },
    { name: 'volumes', short: 'v', type: 'boolean', summary: '', refused: 'volumes are not part of this release' },
    { name: 'link', short: 'l', type: 'boolean', summary: '', refused: 'links are not part of this release' },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: (input, { daemon }) =>
    each(input.operands, async (ref) => {
      await daemon.delete(containerPath(ref), input.boolean('force') ? { force: true } : {});
      return ref;
    }),
};
