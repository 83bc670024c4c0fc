import type { SystemPruneRequest, SystemPruneResponse } from '../../../shared/api/storage.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { parseFilters } from '../../format/filters.ts';
import { print } from '../../output.ts';
import { pruneFlags, reclaimedText, sureAbout, untilAndLabel } from '../../prune.ts';
import { removedText } from '../rmi.ts';

export const prune: Command = {
  name: 'system prune',
  usage: '[OPTIONS]',
  summary: 'Remove what nothing uses: containers, networks, images, and volumes where asked for',
  notes: ['Filters: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE].'],
  flags: [
    {
      name: 'all',
      short: 'a',
      type: 'boolean',
      summary: 'every image that no container is made of, not only those without a name',
    },
    { name: 'volumes', type: 'boolean', summary: 'anonymous volumes too' },
    ...pruneFlags(['until=', 'label=', 'label!=']),
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const filters = parseFilters(input.list('filter'), ['until', 'label']);
    const [all, volumes] = [input.boolean('all'), input.boolean('volumes')];
    const request: SystemPruneRequest = {
      ...untilAndLabel(filters),
      ...(all ? { all } : {}),
      ...(volumes ? { volumes } : {}),
    };
    const kinds = [
      'all containers that do not run',
      'all networks that no container uses',
      ...(volumes ? ['all anonymous volumes that no container has'] : []),
      all ? 'all images that no container is made of' : 'all images without a name',
    ];
    if (!(await sureAbout(input, `${kinds.slice(0, -1).join(', ')} and ${String(kinds.at(-1))}`))) return EXIT.failure;
    print(prunedText(await daemon.post<SystemPruneResponse>('/system/prune', request)));
    return 0;
  },
};

function prunedText(answer: SystemPruneResponse): string {
  const list = (head: string, lines: readonly string[]): string =>
    lines.length === 0 ? '' : `Deleted ${head}:\n${lines.join('\n')}\n\n`;
  const images = removedText(answer).trimEnd();
  return [
    list('Containers', answer.containers),
    list('Networks', answer.networks),
    list('Volumes', answer.volumes),
    images === '' ? '' : `Deleted Images:\n${images}\n\n`,
    reclaimedText(answer.reclaimed),
  ].join('');
}
