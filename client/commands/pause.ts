import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath, each } from '../targets.ts';

export const pause: Command = {
  name: 'pause',
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Freeze all processes of containers',
  flags: [],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: (input, { daemon }) =>
    each(input.operands, async (ref) => {
      await daemon.post(containerPath(ref, '/pause'));
      return ref;
    }),
};
