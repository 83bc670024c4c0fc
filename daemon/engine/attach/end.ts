/** How an attachment ended, in the API's words. */
import type { AttachEnd } from '../../api/engine.ts';
import { exitOf } from '../../shim/exit.ts';
import type { AttachSink } from '../../shim/types.ts';

type ShimEnd = Parameters<AttachSink['end']>[0];

/** Unknown stays unknown: without the shim's word on it there is no exit. */
export function attachEndOf(end: ShimEnd): AttachEnd {
  switch (end.reason) {
    case 'exited':
      return { reason: 'exited', ...(end.exit === undefined ? {} : { exit: exitOf(end.exit) }) };
    case 'slow':
      return { reason: 'slow', message: 'output was not read fast enough' };
    case 'lost':
      return { reason: 'shim_lost', message: 'the connection to the shim ended' };
  }
}
