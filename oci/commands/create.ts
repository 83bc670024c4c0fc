import type { Arguments } from '../arguments.ts';
import type { Command, Flag } from '../command.ts';
import { createContainer, type CreateRequest } from '../launch/create.ts';

/** Those that `run` has as well. */
export const CREATE_FLAGS: readonly Flag[] = [
  {
    name: 'bundle',
    short: 'b',
    type: 'string',
    value: 'DIR',
    summary: 'directory of config.json and the root file system',
    default: 'the working directory',
  },
  {
    name: 'console-socket',
    type: 'string',
    value: 'PATH',
    summary: 'unix socket that is sent the master of the container’s terminal',
  },
  { name: 'pid-file', type: 'string', value: 'FILE', summary: 'write the process id of the container’s init to FILE' },
  {
    name: 'no-pivot',
    type: 'boolean',
    summary: 'move the root mount and chroot instead of pivot_root, for an initramfs',
  },
  { name: 'no-new-keyring', type: 'boolean', summary: 'leave the container the caller’s session keyring' },
  {
    name: 'preserve-fds',
    type: 'integer',
    value: 'N',
    summary: 'hand N descriptors of the caller, from 3 on, to the container’s program',
    default: '0',
  },
];

/** What the flags of CREATE_FLAGS say, of the container `id`. */
export function createRequest(input: Arguments, id: string): CreateRequest {
  const pidFile = input.string('pid-file') ?? '';
  const consoleSocket = input.string('console-socket') ?? '';
  return {
    id,
    bundle: input.string('bundle') ?? '.',
    ...(pidFile === '' ? {} : { pidFile }),
    ...(consoleSocket === '' ? {} : { consoleSocket }),
    noPivot: input.boolean('no-pivot'),
    newKeyring: !input.boolean('no-new-keyring'),
    preserveDescriptors: Number(input.integer('preserve-fds') ?? 0),
    foreground: false,
  };
}

export const create: Command = {
  name: 'create',
  usage: '[OPTIONS] CONTAINER',
  summary: 'Create a container from a bundle; "start" runs its program',
  flags: CREATE_FLAGS,
  operands: { min: 1, max: 1 },
  interspersed: true,
  async run(input, context) {
    await createContainer(context, createRequest(input, input.operands[0] ?? ''));
    return 0;
  },
};
