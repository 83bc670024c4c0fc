/** Fills a volume on a thread of its own: the event loop has no part in it. */
import { Worker } from 'node:worker_threads';
import { shown } from '../../../images/errors.ts';
import { EngineError } from '../../errors.ts';
import type { FillJob } from './fill.ts';

export type FillAnswer =
  { readonly is: 'filled' } | { readonly is: 'failed'; readonly message: string; readonly isFull: boolean };

/** Beside the bundle lies the bundle of the thread (scripts/build.ts), beside the source its source. */
const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './fill-worker.mjs', import.meta.url);
/** Names of one directory at a time, and of files with several names. */
const HEAP_MB = 128;

/** `name`: the volume's. Throws EngineError `disk_full`, `launch_failed`; nothing of it is in the volume then. */
export async function startFill(job: FillJob, name: string): Promise<void> {
  const worker = new Worker(PROGRAM, {
    name: 'fill',
    workerData: job,
    execArgv: [],
    trackUnmanagedFds: false,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const answer = await new Promise<FillAnswer>((resolve) => {
    const failed = (message: string): void => resolve({ is: 'failed', message, isFull: false });
    worker.on('message', resolve);
    worker.on('error', (error: unknown) => failed(error instanceof Error ? error.message : String(error)));
    worker.on('exit', () => failed('the thread has ended'));
  });
  if (answer.is === 'filled') return;
  const message = `volume ${name}: what the image has at ${job.destination} could not be copied into it: ${shown(answer.message)}`;
  throw new EngineError(answer.isFull ? 'disk_full' : 'launch_failed', message);
}
