import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { containerPath } from '../../targets.ts';
import { INSPECT_FORMAT, inspectAll } from '../inspect.ts';

export const inspect: Command = {
  name: 'container inspect',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Show all that is known of containers',
  notes: ['Prints a JSON array, or one line a container with a template such as "{{.status}} {{json .limits}}".'],
  flags: [INSPECT_FORMAT],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: (input, context) => inspectAll(input, context, containerPath),
};
