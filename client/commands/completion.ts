import type { Command } from '../command.ts';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { EXIT, UsageError } from '../errors.ts';
import { print } from '../output.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export const completion: Command = {
  name: 'completion',
  usage: 'bash|zsh|fish',
  summary: 'Print a completion script for a shell',
  notes: ['For example: source <(tare completion bash)'],
  flags: [],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: ['bash', 'zsh', 'fish'],
  failureCode: EXIT.failure,
  async run(input, context) {
    const [shell = ''] = input.operands;
    if (!Object.hasOwn(SHELLS, shell)) {
      throw new UsageError(`no completion for "${shell}"`, {
        hint: `there is one for ${Object.keys(SHELLS).join(', ')}`,
      });
    }
    print(SHELLS[shell as keyof typeof SHELLS]({ table: context.table, commands: await context.commands() }));
    return 0;
  },
};
