import type { NetworkPruneResponse } from '../../../shared/api/network.ts';
import type { Command } from '../../command.ts';
import { confirmed } from '../../confirm.ts';
import { EXIT } from '../../errors.ts';
import { print } from '../../output.ts';

export const prune: Command = {
  name: 'network prune',
  usage: '[OPTIONS]',
  summary: 'Remove all networks that no container uses',
  notes: ['The default network stays.'],
  flags: [
    { name: 'force', short: 'f', type: 'boolean', summary: 'do not ask' },
    { name: 'filter', type: 'list', summary: '', refused: 'name the networks to "tare network rm"' },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const question = 'This removes all networks that no container uses. Go on?';
    if (!input.boolean('force') && !(await confirmed(question))) return EXIT.failure;
    const { removed } = await daemon.post<NetworkPruneResponse>('/networks/prune');
    if (removed.length > 0) print(`Deleted Networks:\n${removed.join('\n')}\n`);
    return 0;
  },
};
