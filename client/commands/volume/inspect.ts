import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { volumePath } from '../../targets.ts';
import { INSPECT_FORMAT, inspectAll } from '../inspect.ts';

export const inspect: Command = {
  name: 'volume inspect',
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  summary: 'Show all that is known of volumes',
  notes: ['Prints a JSON array, or one line a volume with a template such as "{{.mountpoint}}".'],
  flags: [INSPECT_FORMAT],
  operands: { min: 1 },
  interspersed: true,
  completes: 'volume',
  failureCode: EXIT.failure,
  run: (input, context) => inspectAll(input, context, volumePath),
};
