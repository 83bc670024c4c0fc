import type { Exit } from '../../shared/api/container.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath, each } from '../targets.ts';
import { exitText } from './ps.ts';

export const wait: Command = {
  name: 'wait',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Wait until containers have ended and print their exit codes',
  notes: ['Prints "unknown" where a container ended while nobody could see how.'],
  flags: [
    {
      name: 'condition',
      type: 'string',
      value: 'CONDITION',
      summary: 'stopped, next-exit or removed',
      default: 'stopped',
      completes: ['stopped', 'next-exit', 'removed'],
    },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: (input, { daemon }) =>
    each(input.operands, async (ref) => {
      const query = { condition: input.string('condition') };
      return exitText(await daemon.post<Exit>(containerPath(ref, '/wait'), undefined, query));
    }),
};
