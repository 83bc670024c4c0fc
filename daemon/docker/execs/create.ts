/** `POST /containers/{id}/exec`: an exec that waits for its start. */
import type { ExecRequest } from '../../../shared/api/exec.ts';
import { inWords } from '../containers/words.ts';
import { DockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { detachKeysOf } from '../streams/detach.ts';
import { noSuchUser } from './texts.ts';

export const createExec: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/exec',
  resource: 'container',
  async handle({ engine }, call) {
    const body = new Fields(call.body);
    const command = body.texts('Cmd') ?? [];
    if (command.length === 0) throw new DockerError(400, 'No exec command specified');
    const request = { command, ...settingsOf(body) };
    const words = {
      container_paused: () =>
        new DockerError(409, `Container ${call.id} is paused, unpause the container before exec`),
      invalid_field: noSuchUser(request.user),
    };
    const { id } = await inWords(engine, call.id, words, () => engine.createExec(call.id, request));
    return { status: 201, json: { Id: id } };
  },
});

function settingsOf(body: Fields): Omit<ExecRequest, 'command'> {
  const env = body.texts('Env') ?? [];
  const workdir = body.text('WorkingDir') ?? '';
  const user = body.text('User') ?? '';
  const detachKeys = body.text('DetachKeys') ?? '';
  detachKeysOf(detachKeys, 'escape');
  const [rows, columns] = body.numbers('ConsoleSize') ?? [];
  return {
    ...(env.length === 0 ? {} : { env: env.filter((variable) => variable.indexOf('=') > 0) }),
    ...(workdir === '' ? {} : { workdir }),
    ...(user === '' ? {} : { user }),
    ...(detachKeys === '' ? {} : { detachKeys }),
    tty: body.flag('Tty') ?? false,
    stdin: body.flag('AttachStdin') ?? false,
    stdout: body.flag('AttachStdout') ?? false,
    stderr: body.flag('AttachStderr') ?? false,
    privileged: body.flag('Privileged') ?? false,
    ...(rows === undefined || columns === undefined || rows < 1 || columns < 1 ? {} : { rows, columns }),
  };
}
