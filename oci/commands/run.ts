import type { Command } from '../command.ts';
import { runContainer } from '../launch/run.ts';
import { CREATE_FLAGS, createRequest } from './create.ts';

export const run: Command = {
  name: 'run',
  usage: '[OPTIONS] CONTAINER',
  summary: 'Create a container, run its program, and remove it when that has ended',
  notes: ['Ends with the exit code of the program. A container that is detached is not removed.'],
  flags: [
    ...CREATE_FLAGS,
    { name: 'detach', short: 'd', type: 'boolean', summary: 'return once the program runs' },
    { name: 'keep', type: 'boolean', summary: 'do not remove the container when its program has ended' },
    {
      name: 'no-subreaper',
      type: 'boolean',
      summary: '',
      ignored: 'this command never is the reaper of others’ children',
    },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  run(input, context) {
    const request = createRequest(input, input.operands[0] ?? '');
    return runContainer(context, request, { detach: input.boolean('detach'), keep: input.boolean('keep') });
  },
};
