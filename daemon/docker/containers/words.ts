/** dockerd's words for what goes wrong with a container: it calls it by its whole id, where the request may name it otherwise. */
import type { Engine } from '../../api/engine.ts';
import { EngineError, type ErrorCode } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';

/** `id`: the whole one. */
export type Words = Readonly<Partial<Record<ErrorCode, (id: string, error: EngineError) => DockerError>>>;

/** What every verb says alike. */
export const COMMON: Words = {
  container_restarting: (id) =>
    new DockerError(409, `Container ${id} is restarting, wait until the container is running`),
  container_paused: (id) => new DockerError(409, `Container ${id} is paused`),
  container_not_running: (id) => new DockerError(409, `Container ${id} is not running`),
  container_removing: (id) => new DockerError(409, `container ${id} is marked for removal`),
};

/** Does the work; an error of the engine that there are words for is thrown in these. */
export async function inWords<T>(engine: Engine, ref: string, words: Words, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const say = words[error.code] ?? COMMON[error.code];
    if (say === undefined) throw error;
    throw say(engine.identify(ref) ?? ref, error);
  }
}
