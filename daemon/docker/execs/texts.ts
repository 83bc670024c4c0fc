/** dockerd's words for what execs are refused for. */
import type { ExecDetail } from '../../../shared/api/exec.ts';
import type { ContainerSummary } from '../../../shared/api/container.ts';
import type { EngineError } from '../../engine/errors.ts';
import { DockerError, type ErrorTexts } from '../error.ts';

export const EXEC_TEXTS: ErrorTexts = {
  container_not_running: (error) => new DockerError(409, error.message),
  container_paused: (error) => new DockerError(409, error.message),
  exec_already_started: (_error, named) => new DockerError(409, `Error: Exec command ${named} is already running`),
  exec_not_running: () => new DockerError(404, 'no such exec'),
};

/** What is wrong with its container. Throws DockerError 409. */
export function checkRuns({ id, status, restarting }: Pick<ContainerSummary, 'id' | 'status' | 'restarting'>): void {
  if (restarting) throw new DockerError(409, `Container ${id} is restarting, wait until the container is running`);
  if (status === 'paused') throw new DockerError(409, `Container ${id} is paused, unpause the container before exec`);
  if (status !== 'running') throw new DockerError(409, `Container ${id} is not running`);
}

/** Undefined: it waits for its start. */
export function alreadyStarted({ id, status }: ExecDetail): DockerError | undefined {
  if (status === 'created') return undefined;
  return new DockerError(
    409,
    `Error: Exec command ${id} ${status === 'running' ? 'is already running' : 'has already run'}`,
  );
}

/** Of a field that the engine does not take, where that is the user. */
export function noSuchUser(user: string | undefined): (id: string, error: EngineError) => DockerError {
  return (_id, error) =>
    error.field === 'user' && error.message.includes('there is no user')
      ? new DockerError(400, `unable to find user ${user ?? ''}: no matching entries in passwd file`, { cause: error })
      : new DockerError(400, error.message, { cause: error });
}
