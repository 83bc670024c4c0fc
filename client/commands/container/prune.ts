import type { ContainerPruneRequest, ContainerPruneResponse } from '../../../shared/api/storage.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { parseFilters } from '../../format/filters.ts';
import { print } from '../../output.ts';
import { pruneFlags, reclaimedText, sureAbout, untilAndLabel } from '../../prune.ts';

export const prune: Command = {
  name: 'container prune',
  usage: '[OPTIONS]',
  summary: 'Remove all containers that do not run',
  notes: ['Filters: until=TIME (created before), label=KEY[=VALUE], label!=KEY[=VALUE].'],
  flags: pruneFlags(['until=', 'label=', 'label!=']),
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const request: ContainerPruneRequest = untilAndLabel(parseFilters(input.list('filter'), ['until', 'label']));
    if (!(await sureAbout(input, 'all containers that do not run'))) return EXIT.failure;
    const { removed, reclaimed } = await daemon.post<ContainerPruneResponse>('/containers/prune', request);
    if (removed.length > 0) print(`Deleted Containers:\n${removed.join('\n')}\n\n`);
    print(reclaimedText(reclaimed));
    return 0;
  },
};
