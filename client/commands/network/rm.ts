import type { Command } from '../../command.ts';
import { EXIT, ProblemError } from '../../errors.ts';
import { each, networkPath } from '../../targets.ts';

export const rm: Command = {
  name: 'network rm',
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  summary: 'Remove networks',
  notes: ['A network is removed only when no container is connected to it any more.'],
  flags: [{ name: 'force', short: 'f', type: 'boolean', summary: 'do not mind networks that do not exist' }],
  operands: { min: 1 },
  interspersed: true,
  completes: 'network',
  failureCode: EXIT.failure,
  run: (input, { daemon }) =>
    each(input.operands, async (ref) => {
      try {
        await daemon.delete(networkPath(ref));
      } catch (error) {
        const absent = error instanceof ProblemError && error.problem.code === 'network_not_found';
        if (!absent || !input.boolean('force')) throw error;
      }
      return ref;
    }),
};
