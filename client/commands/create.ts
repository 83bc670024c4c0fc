import type { Command } from '../command.ts';
import { CREATE_FLAGS, IMAGE_NOTES } from '../create/flags.ts';
import { createRequest } from '../create/request.ts';
import { EXIT } from '../errors.ts';
import { NETWORK_NOTES } from '../network/flags.ts';
import { print } from '../output.ts';
import { createContainer } from '../create/create.ts';

export const create: Command = {
  name: 'create',
  usage: '[OPTIONS] IMAGE|--rootfs DIR|--bundle DIR [COMMAND] [ARG...]',
  summary: 'Create a container without starting it',
  notes: ['Prints the id.', ...IMAGE_NOTES, ...NETWORK_NOTES],
  flags: CREATE_FLAGS,
  operands: { min: 0 },
  interspersed: false,
  completes: 'image',
  completesRest: 'none',
  failureCode: EXIT.engine,
  async run(input, context) {
    const created = await createContainer(input, context, createRequest(input, context.environment));
    print(`${created.id}\n`);
    return 0;
  },
};
