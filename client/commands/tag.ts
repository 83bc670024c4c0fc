import type { ImageTagRequest } from '../../shared/api/image.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { imagePath } from '../targets.ts';

export const tag: Command = {
  name: 'tag',
  usage: 'IMAGE NAME[:TAG]',
  summary: 'Give an image a further name',
  notes: ['A name that another image has is taken from it.'],
  flags: [],
  operands: { min: 2, max: 2 },
  interspersed: true,
  completes: 'image',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [image = '', name = ''] = input.operands;
    await daemon.post(imagePath(image, '/tag'), { name } satisfies ImageTagRequest);
    return 0;
  },
};
