/** dockerd's words for what execs are refused for. */
import { DockerError, type ErrorTexts } from '../error.ts';

export const EXEC_TEXTS: ErrorTexts = {
  exec_already_started: (_error, named) => new DockerError(409, `Error: Exec command ${named} is already running`),
  container_not_running: (error) => new DockerError(409, error.message),
  container_paused: (error) => new DockerError(409, error.message),
  not_a_terminal: () => new DockerError(500, 'cannot resize a process without a terminal'),
  exec_not_running: (_error, named) => new DockerError(409, `Exec ${named} is not running`),
};
