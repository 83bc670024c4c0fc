import type { VolumePruneRequest, VolumePruneResponse } from '../../../shared/api/volume.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { parseFilters, truthOf, valuesOf } from '../../format/filters.ts';
import { print } from '../../output.ts';
import { pruneFlags, reclaimedText, sureAbout } from '../../prune.ts';

export const prune: Command = {
  name: 'volume prune',
  usage: '[OPTIONS]',
  summary: 'Remove all anonymous volumes that no container has',
  notes: ['Filters: label=KEY[=VALUE], label!=KEY[=VALUE], all=true.'],
  flags: [
    { name: 'all', short: 'a', type: 'boolean', summary: 'named ones too' },
    ...pruneFlags(['label=', 'label!=', 'all=']),
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const filters = parseFilters(input.list('filter'), ['label', 'all']);
    const all = input.boolean('all') || truthOf(filters, 'all') === true;
    const what = all ? 'all volumes' : 'all anonymous volumes';
    if (!(await sureAbout(input, `${what} that no container has`))) return EXIT.failure;
    const label = valuesOf(filters, 'label');
    const request: VolumePruneRequest = { ...(all ? { all } : {}), ...(label.length === 0 ? {} : { label }) };
    const { removed, reclaimed } = await daemon.post<VolumePruneResponse>('/volumes/prune', request);
    if (removed.length > 0) print(`Deleted Volumes:\n${removed.join('\n')}\n\n`);
    print(reclaimedText(reclaimed));
    return 0;
  },
};
