import type { Command } from '../command.ts';
import { startContainer } from '../launch/start.ts';

export const start: Command = {
  name: 'start',
  usage: 'CONTAINER',
  summary: 'Run the program of a created container',
  flags: [],
  operands: { min: 1, max: 1 },
  interspersed: true,
  async run(input, context) {
    await startContainer(context, input.operands[0] ?? '');
    return 0;
  },
};
