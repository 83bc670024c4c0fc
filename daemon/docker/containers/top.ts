/** `GET /containers/{id}/top` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const top: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/:id/top',
  resource: 'container',
  texts: {
    container_not_running: (_error, named) => new DockerError(409, `Container ${named} is not running`),
    container_restarting: (_error, named) =>
      new DockerError(409, `Container ${named} is restarting, wait until the container is running`),
  },
  async handle({ engine }, call) {
    const { titles, processes } = await engine.top(call.id, call.query.text('ps_args') ?? '');
    if (!titles.includes('PID')) throw new DockerError(500, "Couldn't find PID field in ps output");
    return { status: 200, json: { Processes: processes, Titles: titles } };
  },
});
