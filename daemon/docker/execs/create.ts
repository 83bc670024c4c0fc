/** `POST /containers/{id}/exec`: an exec that waits for its start. */
import type { ExecRequest } from '../../../shared/api/exec.ts';
import { inWords } from '../containers/words.ts';
import { DockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { detachKeysOf } from '../streams/detach.ts';
import { noSuchUser } from './texts.ts';

export const createExec: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/exec',
  resource: 'container',
  async handle({ engine }, call) {
    const body = new Fields(call.body);
    if (isEmpty(call)) throw new DockerError(400, 'got EOF while reading request body');
    const command = commandOf(body);
    if (command.length === 0) throw new DockerError(400, 'No exec command specified');
    const request = { command, ...settingsOf(body) };
    const words = {
      container_paused: () => new DockerError(409, `Container ${call.id} is paused, unpause the container before exec`),
      invalid_field: noSuchUser(request.user),
    };
    const { id } = await inWords(engine, call.id, words, () => engine.createExec(call.id, request));
    return { status: 201, json: { Id: id } };
  },
});

function isEmpty({ request }: DockerCall): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  return length === '0' && encoding === undefined;
}

/** Unlike that of a container it is no line for a shell. */
function commandOf(body: Fields): string[] {
  if (typeof body.value('Cmd') === 'string') {
    throw new DockerError(400, 'json: cannot unmarshal string into Go struct field ExecConfig.Cmd of type []string');
  }
  return body.texts('Cmd') ?? [];
}

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
