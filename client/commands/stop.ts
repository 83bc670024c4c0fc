import type { StopRequest } from '../../shared/api/container.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Flag } from '../command.ts';
import { EXIT } from '../errors.ts';
import { containerPath, each } from '../targets.ts';

export const STOP_FLAGS: readonly Flag[] = [
  {
    name: 'signal',
    short: 's',
    type: 'string',
    value: 'SIGNAL',
    summary: "signal to send in place of the container's own",
  },
  { name: 'time', short: 't', type: 'integer', value: 'SECONDS', summary: 'time before SIGKILL', aliases: ['timeout'] },
];

export const stop: Command = {
  name: 'stop',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Stop running containers',
  notes: ['Sends the stop signal, and SIGKILL to what still runs after the time.'],
  flags: STOP_FLAGS,
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: (input, { daemon }) =>
    each(input.operands, async (ref) => {
      await daemon.post(containerPath(ref, '/stop'), stopRequest(input));
      return ref;
    }),
};

export function stopRequest(input: Arguments): StopRequest {
  const signal = input.string('signal');
  const timeout = input.integer('time');
  return { ...(signal === undefined ? {} : { signal }), ...(timeout === undefined ? {} : { timeout }) };
}
