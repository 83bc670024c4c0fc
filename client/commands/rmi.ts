import type { ImageRemoveResponse } from '../../shared/api/image.ts';
import type { Command } from '../command.ts';
import { EXIT, ProblemError } from '../errors.ts';
import { print } from '../output.ts';
import { imagePath, report } from '../targets.ts';

export const rmi: Command = {
  name: 'rmi',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Remove images',
  notes: [
    'Takes the name away, and with the last name what no other image has. An image that a container is made of stays.',
  ],
  flags: [
    {
      name: 'force',
      short: 'f',
      type: 'boolean',
      summary: 'all names of it; containers that do not run are no obstacle',
    },
    { name: 'no-prune', type: 'boolean', summary: 'take the name alone; what nobody needs stays until the next prune' },
    { name: 'platform', type: 'string', summary: '', refused: 'name the image of the platform by its id' },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'image',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const force = input.boolean('force');
    const query = { ...(force ? { force } : {}), ...(input.boolean('no-prune') ? { noPrune: true } : {}) };
    let code = 0;
    for (const ref of input.operands) {
      try {
        print(removedText(await daemon.delete<ImageRemoveResponse>(imagePath(ref), query)));
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        const isAbsent = error.problem.code === 'image_not_found';
        if (!force || !isAbsent) code = EXIT.failure;
        report(error);
      }
    }
    return code;
  },
};

export function removedText({ untagged, deleted }: ImageRemoveResponse): string {
  return [...untagged.map((name) => `Untagged: ${name}\n`), ...deleted.map((id) => `Deleted: ${id}\n`)].join('');
}
