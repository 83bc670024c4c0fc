/** Attaches a client to a container: at once where it runs, else from the first byte of its next run. */
import type { AttachOptions, Attachment } from '../api/engine.ts';
import { attachRunning } from './attach/running.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { advance } from './lifecycle.ts';

export async function attach(context: Context, ref: string, options: AttachOptions): Promise<Attachment> {
  const container = context.containers.find(ref);
  return container.turn.run(async () => {
    const { row, run, id, name } = container;
    advance(row.status, 'attach', name);
    const { stdout, stderr, closesStdin } = options;
    const streams = {
      ...{ stdin: options.stdin && row.stdin, stdout, stderr },
      ...(closesStdin === undefined ? {} : { closesStdin }),
    };
    const path = context.places.log(id, row.logDriver);
    const log = options.logs && path !== '' ? { log: path } : {};
    let attachment: Attachment;
    if (run !== undefined) {
      const target = { shim: run.shim, process: '', container: id, terminal: row.tty };
      attachment = await attachRunning({ ...target, ...streams, ...log });
    } else if (row.status === 'running' || row.status === 'paused') {
      throw new EngineError('shim_unreachable', `the shim of container ${name} does not answer`);
    } else {
      attachment = context.pending.add(id, { ...streams, logs: options.logs, terminal: row.tty, ...log });
    }
    context.journal.commit(() => undefined, { action: 'attach', container: row });
    return attachment;
  });
}
