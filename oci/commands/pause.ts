import { freeze } from '../../daemon/runtime/cgroups/freeze.ts';
import type { Command } from '../command.ts';
import { readRecord } from '../container/state.ts';
import { statusOf } from '../container/status.ts';
import { OciError } from '../errors.ts';

export const pause: Command = {
  name: 'pause',
  usage: 'CONTAINER',
  summary: 'Freeze all processes of a container',
  notes: ['Returns once all of them stand still.'],
  flags: [],
  operands: { min: 1, max: 1 },
  interspersed: true,
  async run(input, { root, runtime }) {
    const record = readRecord(root, input.operands[0] ?? '');
    const status = statusOf(root, record, runtime.cgroups);
    if (status !== 'running' && status !== 'created') {
      throw new OciError(`container ${record.id} is ${status}: only one that is running or created can be paused`);
    }
    await freeze(runtime.cgroups(), record.cgroupPath);
    return 0;
  },
};
