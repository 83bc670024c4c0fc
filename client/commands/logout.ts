import type { Command } from '../command.ts';
import { registryName } from '../credentials/registry-name.ts';
import { eraseCredentials } from '../credentials/store.ts';
import { EXIT } from '../errors.ts';
import { print } from '../output.ts';

export const logout: Command = {
  name: 'logout',
  usage: '[REGISTRY]',
  summary: 'Forget the credentials for a registry',
  notes: ['Without REGISTRY those for docker.io.'],
  flags: [],
  operands: { min: 0, max: 1 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { environment }) {
    const registry = registryName(input.operands[0] ?? '');
    const known = await eraseCredentials(registry, environment);
    print(known ? `Removed the login credentials for ${registry}\n` : `Not logged in to ${registry}\n`);
    return 0;
  },
};
