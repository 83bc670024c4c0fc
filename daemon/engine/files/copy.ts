/** Copying out of and into a container, running or not: tar archives of what is at a path in it. */
import type { ArchiveQuery, ExtractQuery, PathStat } from '../../../shared/api/files.ts';
import type { DirectUpload, Download } from '../../api/engine.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import type { Job } from './jobs.ts';
import type { Working } from './thread.ts';
import { checkWritable, isAlive, viewOf } from './view-of.ts';

/** PathStat as base64url of JSON. */
export const STAT_HEADER = 'X-Tare-Path-Stat';

/** A container that ends between the look at it and the opening is seen as one that has ended, once that is known. */
export async function begunWork(
  context: Context,
  container: Container,
  job: () => Job,
  signal: AbortSignal,
): Promise<Working & { readonly stat: PathStat | undefined }> {
  for (;;) {
    checkThere(context, container);
    const { run } = container;
    if (run?.ending === true) await run.ended;
    const work = await context.files.begin(job(), signal);
    try {
      const stat = await work.begun;
      return {
        begun: work.begun,
        done: work.done,
        pieces: () => work.pieces(),
        writeTo: (socket) => work.writeTo(socket),
        stop: (reason) => work.stop(reason),
        stat,
      };
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'container_not_running') || run === undefined) throw error;
      await run.ended;
    }
  }
}

function checkThere(context: Context, container: Container): void {
  if (container.row.status === 'creating')
    throw new EngineError('container_busy', `container ${container.name} is being created`);
  if (container.row.status === 'removing' || context.containers.get(container.id) !== container) {
    throw new EngineError('container_removing', `container ${container.name} is being removed`);
  }
}

export async function statPath(
  context: Context,
  ref: string,
  query: ArchiveQuery,
  signal?: AbortSignal,
): Promise<PathStat> {
  const container = context.containers.find(ref);
  const job = (): Job => ({ do: 'stat', view: viewOf(context, container), query });
  const { stat, done } = await begunWork(context, container, job, signal ?? context.closing.signal);
  await done;
  if (stat === undefined) throw new EngineError('internal', 'nothing was told of the path');
  return stat;
}

export async function readArchive(
  context: Context,
  ref: string,
  query: ArchiveQuery,
  signal: AbortSignal,
): Promise<Download> {
  const container = context.containers.find(ref);
  const job = (): Job => ({ do: 'archive', view: viewOf(context, container), query });
  const work = await begunWork(context, container, job, signal);
  copied(context, container, 'out');
  return {
    headers: { [STAT_HEADER]: Buffer.from(JSON.stringify(work.stat)).toString('base64url') },
    ...(work.stat === undefined ? {} : { stat: work.stat }),
    stream: work.pieces(),
    writeTo: work.writeTo,
  };
}

/**
 * Nothing of a container that does not run changes meanwhile: its turn is had for as long as the archive flows. One that
 * runs is written to beside whatever else it is asked.
 */
export async function extractArchive(
  context: Context,
  ref: string,
  query: ExtractQuery,
  upload: AsyncIterable<Uint8Array> | DirectUpload,
  signal: AbortSignal,
): Promise<void> {
  const container = context.containers.find(ref);
  const extract = async (): Promise<void> => {
    checkThere(context, container);
    checkWritable(context, container);
    const job: Job = { do: 'extract', view: viewOf(context, container), query };
    const work =
      'claim' in upload
        ? await context.files.begin({ ...job, body: upload.claim() }, signal)
        : await context.files.begin(job, signal, upload);
    await work.done;
  };
  if (container.run?.ending === true) await container.run.ended;
  const isFree = await container.turn.run(() => isAlive(container));
  if (isFree) await extract();
  else await container.turn.run(extract);
  copied(context, container, 'in');
}

function copied(context: Context, container: Container, detail: 'in' | 'out'): void {
  context.journal.commit(() => undefined, { action: 'copy', container: container.row, detail });
}
