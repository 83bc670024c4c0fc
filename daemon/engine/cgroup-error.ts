/** Refusals at control groups, in the engine's terms. */
import { CgroupError } from '../runtime/cgroups/live.ts';
import { EngineError } from './errors.ts';

/** What a refusal of the kernel, or of this host's control groups, is for the user; anything else as it is. */
export function cgroupError(error: unknown, what: string): unknown {
  if (!(error instanceof CgroupError)) return error;
  const code = error.code === 'ENOTSUP' ? 'host_lacks_feature' : 'kernel_refused';
  return new EngineError(code, `${what}: ${error.message}`, { cause: error });
}
