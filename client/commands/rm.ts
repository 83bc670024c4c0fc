import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath, each } from '../targets.ts';

export const rm: Command = {
  name: 'rm',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Remove containers',
  flags: [
    { name: 'force', short: 'f', type: 'boolean', summary: 'end it first, where it runs' },
    { name: 'volumes', short: 'v', type: 'boolean', summary: 'with the anonymous volumes that no other container has' },
    { name: 'link', short: 'l', type: 'boolean', summary: '', refused: 'links are not part of this release' },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run(input, { daemon }) {
    const query = {
      ...(input.boolean('force') ? { force: true } : {}),
      ...(input.boolean('volumes') ? { volumes: true } : {}),
    };
    return each(input.operands, async (ref) => {
      await daemon.delete(containerPath(ref), query);
      return ref;
    });
  },
};
