/** A launch that failed, as the user of the command line is told. */
import { describeFailure, type LaunchFailure } from '../../daemon/runtime/launch-failure.ts';
import type { Plan } from '../../daemon/runtime/plan/operations.ts';
import { OciError } from '../errors.ts';

/** `what`: "container web", "exec in web". */
export function launchError(failure: LaunchFailure, plan: Plan, what: string): OciError {
  const { message, hint } = describeFailure(failure, plan);
  return new OciError(`cannot start ${what}: ${message}`, hint === undefined ? {} : { hint });
}
