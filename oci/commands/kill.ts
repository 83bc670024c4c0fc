import { killAll, thaw } from '../../daemon/runtime/cgroups/live.ts';
import { SIGNALS, parseSignal } from '../../shared/signals.ts';
import type { Command, Context } from '../command.ts';
import { signalGroup, signalProcess } from '../container/signal.ts';
import { readRecord, type ContainerRecord } from '../container/state.ts';
import { statusOf, type Status } from '../container/status.ts';
import { OciError, UsageError } from '../errors.ts';

export const kill: Command = {
  name: 'kill',
  usage: '[OPTIONS] CONTAINER [SIGNAL]',
  summary: 'Send a signal to the init of a container',
  notes: ['SIGNAL is a name, with or without SIG, or a number; TERM if it is left out.'],
  flags: [{ name: 'all', short: 'a', type: 'boolean', summary: 'send it to every process of the container' }],
  operands: { min: 1, max: 2 },
  interspersed: true,
  async run(input, context) {
    const [id = '', text = 'TERM'] = input.operands;
    const signal = parseSignal(text);
    if (signal === undefined) throw new UsageError(`${JSON.stringify(text)} is not a signal`);
    const record = readRecord(context.root, id);
    const status = statusOf(context.root, record, context.runtime.cgroups);
    if (status === 'creating') throw new OciError(`container ${id} is being created: it has nobody to signal yet`);
    if (input.boolean('all')) signalAll(context, record, signal);
    else await signalInit(context, record, status, signal);
    return 0;
  },
};

/** Also of a stopped container: without a pid namespace, its processes may outlive its init. */
function signalAll({ runtime }: Context, { id, cgroupPath, cgroupParents }: ContainerRecord, signal: number): void {
  // Of a creation that was cut off before it: who is in groups of that name is somebody else's.
  if (cgroupParents === undefined)
    throw new OciError(`container ${id} has no control groups: there is nobody to signal`);
  if (signal === SIGNALS.SIGKILL) killAll(runtime.cgroups(), cgroupPath);
  else signalGroup(runtime.cgroups(), cgroupPath, signal);
}

async function signalInit(
  { runtime }: Context,
  record: ContainerRecord,
  status: Status,
  signal: number,
): Promise<void> {
  if (status === 'stopped' || !signalProcess(record, signal)) {
    // "container not running" is what containerd looks for.
    throw new OciError(`cannot signal ${record.id}: container not running (it is stopped)`);
  }
  // In a v1 freezer even SIGKILL waits.
  if (status === 'paused' && signal === SIGNALS.SIGKILL) await thaw(runtime.cgroups(), record.cgroupPath);
}
