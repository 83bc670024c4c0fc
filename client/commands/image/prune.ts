import type { ImagePruneRequest, ImagePruneResponse } from '../../../shared/api/image.ts';
import type { Command } from '../../command.ts';
import { EXIT, UsageError } from '../../errors.ts';
import { parseFilters, truthOf } from '../../format/filters.ts';
import { print } from '../../output.ts';
import { pruneFlags, reclaimedText, sureAbout, untilAndLabel } from '../../prune.ts';
import { removedText } from '../rmi.ts';

export const prune: Command = {
  name: 'image prune',
  usage: '[OPTIONS]',
  summary: 'Remove all images without a name that no container is made of',
  notes: ['Filters: until=TIME (built before), label=KEY[=VALUE], label!=KEY[=VALUE], dangling=true|false.'],
  flags: [
    { name: 'all', short: 'a', type: 'boolean', summary: 'also those that have a name' },
    ...pruneFlags(['until=', 'label=', 'label!=', 'dangling=']),
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const filters = parseFilters(input.list('filter'), ['until', 'label', 'dangling']);
    const dangling = truthOf(filters, 'dangling');
    if (input.boolean('all') && dangling === true)
      throw new UsageError('--all and --filter dangling=true exclude each other');
    const all = input.boolean('all') || dangling === false;
    const what = all
      ? 'all images that no container is made of'
      : 'all images without a name that no container is made of';
    if (!(await sureAbout(input, what))) return EXIT.failure;
    const request: ImagePruneRequest = { ...untilAndLabel(filters), ...(all ? { all } : {}) };
    const answer = await daemon.post<ImagePruneResponse>('/images/prune', request);
    if (answer.untagged.length + answer.deleted.length > 0)
      print(
        `Deleted Images:\n${removedText(answer).replaceAll(/^(Untagged|Deleted)/gm, (word) => word.toLowerCase())}\n`,
      );
    print(reclaimedText(answer.reclaimed));
    return 0;
  },
};
