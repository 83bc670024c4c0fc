/** Probes of health checks that are over: their shim keeps how they ended until it is told to forget them. */
import { SIGNALS } from '../../../shared/signals.ts';
import { ShimRefusal, type ProcessStatus, type Shim } from '../../shim/types.ts';
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { PROBE_PREFIX } from '../process-names.ts';

const ENDED = 2;

/** Nobody waits for it. */
export function forgetProbe(context: Context, container: Container, run: Run, probe: string): void {
  run.shim.forget(probe).catch((error: unknown) => {
    context.log.warn(
      { err: error, container: container.id, probe },
      'ignoring that the shim could not drop a health probe: it may be gone',
    );
  });
}

/** Those of a former daemon: what they would say nobody waits for. Throws ShimLost. */
export async function endLeftProbes(shim: Shim, processes: readonly ProcessStatus[]): Promise<void> {
  for (const { process, state } of processes) {
    if (!process.startsWith(PROBE_PREFIX)) continue;
    try {
      // of one that is killed the shim tells, and it is forgotten then
      if (Number(state) === ENDED) await shim.forget(process);
      else await shim.signal(process, SIGNALS.SIGKILL);
    } catch (error) {
      // ignoring a refusal: it has ended, and is forgotten, meanwhile
      if (!(error instanceof ShimRefusal)) throw error;
    }
  }
}
