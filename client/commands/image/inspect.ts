import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { imagePath } from '../../targets.ts';
import { INSPECT_FORMAT, inspectAll } from '../inspect.ts';

export const inspect: Command = {
  name: 'image inspect',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Show all that is known of images',
  notes: ['Prints a JSON array, or one line an image with a template such as "{{.platform}} {{json .config.cmd}}".'],
  flags: [
    INSPECT_FORMAT,
    { name: 'platform', type: 'string', summary: '', refused: 'name the image of the platform by its id' },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'image',
  failureCode: EXIT.failure,
  run: (input, context) => inspectAll(input, context, imagePath),
};
