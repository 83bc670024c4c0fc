/** A failed launch as the API's user is told of it. */
import { describeFailure } from '../runtime/launch-failure.ts';
import { decodePlan } from '../runtime/plan/decode.ts';
import type { LaunchFailure } from '../shim/types.ts';
import { EngineError } from './errors.ts';

/** `plan`: the one that was run, encoded. `name`: of the container, or "exec …". */
export function launchError(failure: LaunchFailure, plan: Uint8Array, name: string): EngineError {
  // A plan that is garbled is never decoded: nothing in it was at fault then.
  const operations = failure.operation >= 0 ? decodePlan(plan) : [];
  const { kind, message, hint, operation } = describeFailure(failure, operations);
  return new EngineError(kind, `cannot start ${name}: ${message}`, {
    ...(operation === undefined ? {} : { operation }),
    ...(hint === undefined ? {} : { hint }),
  });
}
