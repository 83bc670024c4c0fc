import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { networkPath } from '../../targets.ts';
import { INSPECT_FORMAT, inspectAll } from '../inspect.ts';

export const inspect: Command = {
  name: 'network inspect',
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  summary: 'Show all that is known of networks',
  notes: [
    'Prints a JSON array, or one line a network with a template such as "{{.bridge}} {{range .subnets}}{{.subnet}} {{end}}".',
  ],
  flags: [INSPECT_FORMAT],
  operands: { min: 1 },
  interspersed: true,
  completes: 'network',
  failureCode: EXIT.failure,
  run: (input, context) => inspectAll(input, context, networkPath),
};
