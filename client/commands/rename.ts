import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath } from '../targets.ts';

export const rename: Command = {
  name: 'rename',
  usage: 'CONTAINER NAME',
  summary: 'Give a container another name',
  flags: [],
  operands: { min: 2, max: 2 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = '', name = ''] = input.operands;
    await daemon.post(containerPath(ref, '/rename'), { name });
    return 0;
  },
};
