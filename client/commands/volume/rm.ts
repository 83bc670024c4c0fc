import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { each, volumePath } from '../../targets.ts';

export const rm: Command = {
  name: 'volume rm',
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  summary: 'Remove volumes and all that is in them',
  notes: ['A volume that a container has stays, whether that runs or not.'],
  flags: [{ name: 'force', short: 'f', type: 'boolean', summary: 'do not mind volumes that do not exist' }],
  operands: { min: 1 },
  interspersed: true,
  completes: 'volume',
  failureCode: EXIT.failure,
  run: (input, { daemon }) =>
    each(input.operands, async (name) => {
      await daemon.delete(volumePath(name), input.boolean('force') ? { force: true } : {});
      return name;
    }),
};
