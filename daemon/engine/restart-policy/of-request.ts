/** A restart policy as it is asked for. */
import type { RestartPolicy } from '../../../shared/api/container.ts';
import { EngineError } from '../errors.ts';

/** Throws `invalid_field`. @param autoRemove - the container goes when it has ended: then nothing is left to be started */
export function restartPolicy(asked: RestartPolicy | undefined, autoRemove: boolean): RestartPolicy {
  if (asked === undefined) return { name: 'no' };
  const { name, maximumRetryCount = 0 } = asked;
  if (maximumRetryCount > 0 && name !== 'on-failure') {
    const field = 'restart.maximumRetryCount';
    throw new EngineError('invalid_field', `${field}: has no meaning with the restart policy "${name}"`, { field });
  }
  if (autoRemove && name !== 'no') {
    throw new EngineError(
      'invalid_field',
      'restart: a container that is removed when it has ended cannot have a policy',
      {
        field: 'restart',
        hint: 'leave autoRemove out, or take the policy "no"',
      },
    );
  }
  return name === 'on-failure' ? { name, maximumRetryCount } : { name };
}
