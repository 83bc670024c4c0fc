/** `POST /containers/{id}/exec`: an exec that waits for its start. */
import type { ExecRequest } from '../../../shared/api/exec.ts';
import { DockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const createExec: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/exec',
  resource: 'container',
  texts: {
    container_not_running: (_error, named) => new DockerError(409, `Container ${named} is not running`),
    container_paused: (_error, named) =>
      new DockerError(409, `Container ${named} is paused, unpause the container before exec`),
  },
  async handle({ engine }, call) {
    const body = new Fields(call.body);
    const command = body.texts('Cmd') ?? [];
    if (command.length === 0) throw new DockerError(400, 'No exec command specified');
    const { id } = await engine.createExec(call.id, { command, ...settingsOf(body) });
    return { status: 201, json: { Id: id } };
  },
});

function settingsOf(body: Fields): Omit<ExecRequest, 'command'> {
  const env = body.texts('Env') ?? [];
  const workdir = body.text('WorkingDir') ?? '';
  const user = body.text('User') ?? '';
  const [rows, columns] = body.numbers('ConsoleSize') ?? [];
  return {
    ...(env.length === 0 ? {} : { env: env.filter((variable) => variable.indexOf('=') > 0) }),
    ...(workdir === '' ? {} : { workdir }),
    ...(user === '' ? {} : { user }),
    tty: body.flag('Tty') ?? false,
    stdin: body.flag('AttachStdin') ?? false,
    privileged: body.flag('Privileged') ?? false,
    ...(rows === undefined || columns === undefined || rows < 1 || columns < 1 ? {} : { rows, columns }),
  };
}
