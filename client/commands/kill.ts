import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath, each } from '../targets.ts';

export const kill: Command = {
  name: 'kill',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Send a signal to running containers',
  flags: [
    {
      name: 'signal',
      short: 's',
      type: 'string',
      value: 'SIGNAL',
      summary: 'by name or number',
      default: 'KILL',
      completes: ['HUP', 'INT', 'QUIT', 'KILL', 'USR1', 'USR2', 'TERM'],
    },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: (input, { daemon }) =>
    each(input.operands, async (ref) => {
      await daemon.post(containerPath(ref, '/kill'), { signal: input.string('signal') ?? 'KILL' });
      return ref;
    }),
};
