/** The process that a client attaches to, and what can be refused about it. */
import { ShimLost, ShimRefusal, type Shim } from '../../shim/types.ts';
import { EngineError } from '../errors.ts';

const ESRCH = 3;
const ENOTTY = 25;

export interface AttachTarget {
  readonly shim: Shim;
  /** "" is init, else the exec's id. */
  readonly process: string;
  /** The container's id. */
  readonly container: string;
}

/** In the words of the API: what the shim refused, or that it cannot be reached. */
export function attachError(target: Omit<AttachTarget, 'shim'>, error: unknown): unknown {
  const isInit = target.process === '';
  const name = isInit ? `container ${target.container.slice(0, 12)}` : `exec ${target.process.slice(0, 12)}`;
  if (error instanceof ShimRefusal && error.errno === ESRCH) {
    const code = isInit ? 'container_not_running' : 'exec_not_running';
    return new EngineError(code, `${name} is not running`, { cause: error });
  }
  if (error instanceof ShimRefusal && error.errno === ENOTTY) {
    return new EngineError('not_a_terminal', `${name} has no terminal`, { cause: error });
  }
  if (error instanceof ShimRefusal)
    return new EngineError('kernel_refused', `${name}: ${error.message}`, { cause: error });
  if (error instanceof ShimLost) {
    return new EngineError('shim_unreachable', `the shim of ${name} cannot be reached: ${error.message}`, {
      cause: error,
    });
  }
  return error;
}
