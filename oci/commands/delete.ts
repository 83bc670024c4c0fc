import type { Command, Context } from '../command.ts';
import { destroyContainer } from '../container/destroy.ts';
import { signalProcess } from '../container/signal.ts';
import { readRecordIfAny, removeDirectory, type ContainerRecord } from '../container/state.ts';
import { isAlive, statusOf } from '../container/status.ts';
import { waitUntil } from '../container/wait-until.ts';
import { OciError } from '../errors.ts';
import { SIGNALS } from '../../shared/signals.ts';

const CREATOR_DEADLINE_MS = 10_000;

/** `delete` is a word of the language. */
export const remove: Command = {
  name: 'delete',
  usage: '[OPTIONS] CONTAINER',
  summary: 'Remove a stopped container: its groups, its state',
  flags: [
    {
      name: 'force',
      short: 'f',
      type: 'boolean',
      summary: 'kill it first if it is not stopped; fine with a container that does not exist',
    },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  async run(input, context) {
    const id = input.operands[0] ?? '';
    try {
      await removeContainer(context, id, input.boolean('force'));
    } catch (error) {
      if (!(input.boolean('force') && error instanceof OciError && error.missing)) throw error;
    }
    return 0;
  },
};

async function removeContainer(context: Context, id: string, force: boolean): Promise<void> {
  const { root, runtime } = context;
  const record = readRecordIfAny(root, id);
  if (record === undefined) {
    if (!force) throw new OciError(`container ${id} is being created, or its creation was cut off: use --force`);
    removeDirectory(root, id);
    return;
  }
  const status = statusOf(root, record, runtime.cgroups);
  if (status !== 'stopped' && !force) {
    throw new OciError(`container ${id} is ${status}: only one that is stopped can be deleted`, {
      hint: 'use --force to kill it',
    });
  }
  await endCreator(record);
  // Read again: the creator may have got further in its last moments.
  await destroyContainer(context, readRecordIfAny(root, id) ?? record, { poststop: true });
}

/** A creation under way would make anew what is removed here. */
async function endCreator({ id, creator }: ContainerRecord): Promise<void> {
  if (creator === undefined || !signalProcess(creator, SIGNALS.SIGKILL)) return;
  if (await waitUntil(() => !isAlive(creator), CREATOR_DEADLINE_MS)) return;
  throw new OciError(`container ${id} is being created by process ${creator.pid}, which does not die`);
}
