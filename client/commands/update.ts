import type { Command } from '../command.ts';
import { LIMIT_FLAGS } from '../create/flags.ts';
import { limitsOf } from '../create/limits.ts';
import { EXIT, UsageError } from '../errors.ts';
import { containerPath, each } from '../targets.ts';

export const update: Command = {
  name: 'update',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Change the limits of containers, also while they run',
  flags: [
    ...LIMIT_FLAGS,
    { name: 'restart', type: 'string', summary: '', refused: 'restart policies are not part of this release' },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run(input, { daemon }) {
    const limits = limitsOf(input);
    if (Object.keys(limits).length === 0) throw new UsageError('"tare update" needs at least one limit');
    return each(input.operands, async (ref) => {
      await daemon.post(containerPath(ref, '/update'), { limits });
      return ref;
    });
  },
};
