import type { NetworkPruneResponse } from '../../../shared/api/network.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { parseFilters } from '../../format/filters.ts';
import { print } from '../../output.ts';
import { pruneFlags, sureAbout, untilAndLabel } from '../../prune.ts';

export const prune: Command = {
  name: 'network prune',
  usage: '[OPTIONS]',
  summary: 'Remove all networks that no container uses',
  notes: ['The default network stays. Filters: until=, label=KEY[=VALUE], label=!KEY[=VALUE].'],
  flags: [...pruneFlags(['until=', 'label='])],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const filters = parseFilters(input.list('filter'), ['until', 'label']);
    if (!(await sureAbout(input, 'all networks that no container uses'))) return EXIT.failure;
    const { removed } = await daemon.post<NetworkPruneResponse>('/networks/prune', untilAndLabel(filters));
    if (removed.length > 0) print(`Deleted Networks:\n${removed.join('\n')}\n`);
    return 0;
  },
};
