import type { BuildPruneRequest, BuildPruneResponse } from '../../../shared/api/build.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { parseFilters, valuesOf } from '../../format/filters.ts';
import { print } from '../../output.ts';
import { pruneFlags, reclaimedText, sureAbout } from '../../prune.ts';
import { moment } from '../logs.ts';

export const prune: Command = {
  name: 'builder prune',
  usage: '[OPTIONS]',
  summary: 'Remove steps of builds that no image has need of',
  notes: ['Filters: until=TIME (made before).'],
  flags: [
    {
      name: 'all',
      short: 'a',
      type: 'boolean',
      summary: 'also those of images that have a name: their next builds begin anew',
    },
    ...pruneFlags(['until=']),
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const filters = parseFilters(input.list('filter'), ['until']);
    const until = moment('--filter until', valuesOf(filters, 'until').at(-1));
    const all = input.boolean('all');
    const what = all ? 'all steps of builds' : 'all steps of builds that no image has need of';
    if (!(await sureAbout(input, what))) return EXIT.failure;
    const request: BuildPruneRequest = { ...(all ? { all } : {}), ...(until === undefined ? {} : { until }) };
    const answer = await daemon.post<BuildPruneResponse>('/build/prune', request);
    if (answer.deleted.length > 0) print(`Deleted build cache objects:\n${answer.deleted.join('\n')}\n\n`);
    print(reclaimedText(answer.reclaimed));
    return 0;
  },
};
