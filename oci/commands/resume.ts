import { thaw } from '../../daemon/runtime/cgroups/freeze.ts';
import type { Command } from '../command.ts';
import { readRecord } from '../container/state.ts';
import { statusOf } from '../container/status.ts';
import { OciError } from '../errors.ts';

export const resume: Command = {
  name: 'resume',
  usage: 'CONTAINER',
  summary: 'Let the processes of a paused container go on',
  flags: [],
  operands: { min: 1, max: 1 },
  interspersed: true,
  async run(input, { root, runtime }) {
    const record = readRecord(root, input.operands[0] ?? '');
    const status = statusOf(root, record, runtime.cgroups);
    if (status !== 'paused') throw new OciError(`container ${record.id} is ${status}: it is not paused`);
    await thaw(runtime.cgroups(), record.cgroupPath);
    return 0;
  },
};
