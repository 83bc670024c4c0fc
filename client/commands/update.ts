import type { UpdateRequest } from '../../shared/api/container.ts';
import type { Arguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import { RESTART_FLAG, restartOf } from '../create/duties.ts';
import { withFlag } from '../create/field-flags.ts';
import { LIMIT_FLAGS } from '../create/flags.ts';
import { limitsOf } from '../create/limits.ts';
import { EXIT, UsageError } from '../errors.ts';
import { PUBLISH_FLAG } from '../network/flags.ts';
import { parsePublish } from '../network/publish.ts';
import { containerPath, each } from '../targets.ts';

export const update: Command = {
  name: 'update',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Change the limits, published ports and restart policy of containers, also while they run',
  notes: ['What --publish says replaces what was published before; connections of what stays go on.'],
  flags: [
    ...LIMIT_FLAGS,
    PUBLISH_FLAG,
    { name: 'no-publish', type: 'boolean', summary: 'publish no port any more' },
    RESTART_FLAG,
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run(input, { daemon }) {
    const request = updateRequest(input);
    return each(input.operands, async (ref) => {
      try {
        await daemon.post(containerPath(ref, '/update'), request);
      } catch (error) {
        throw withFlag(error);
      }
      return ref;
    });
  },
};

function updateRequest(input: Arguments): UpdateRequest {
  const request: UpdateRequest = {};
  const limits = limitsOf(input);
  if (Object.keys(limits).length > 0) request.limits = limits;
  const cleared = input.boolean('no-publish');
  if (cleared && input.has('publish')) throw new UsageError('--publish and --no-publish exclude each other');
  if (cleared) request.publish = [];
  else if (input.has('publish')) request.publish = input.list('publish').map(parsePublish);
  const restart = restartOf(input);
  if (restart !== undefined) request.restart = restart;
  if (Object.keys(request).length === 0)
    throw new UsageError('"tare update" needs at least one limit, --publish, --no-publish or --restart');
  return request;
}
