/** `POST /exec/{id}/start`: starts it, on the connection of the request or detached. */
import type { ExecStart } from '../../api/engine.ts';
import { Fields } from '../fields.ts';
import { type Docker, type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { contentTypeOf } from '../streams/frames.ts';
import { joinConnection } from '../streams/join.ts';
import { execFailure } from '../streams/texts.ts';
import { EXEC_TEXTS } from './texts.ts';

export const startExec: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/exec/:id/start',
  texts: EXEC_TEXTS,
  async handle(docker, call) {
    const body = new Fields(call.body);
    if (body.flag('Detach') === true) {
      await docker.engine.startExec(call.id);
      return { status: 200 };
    }
    await startAttached(docker, call, sizeOf(body));
    return undefined;
  },
});

function sizeOf(body: Fields): ExecStart {
  const [rows, columns] = body.numbers('ConsoleSize') ?? [];
  if (rows === undefined || columns === undefined || rows < 1 || columns < 1) return {};
  return { tty: { rows, columns } };
}

async function startAttached({ engine }: Docker, call: DockerCall, start: ExecStart): Promise<void> {
  const { request } = engine.inspectExec(call.id);
  const terminal = request.tty === true;
  try {
    const attachment = await engine.startExecAttached(call.id, terminal ? start : {});
    const connection = call.hijack(contentTypeOf(terminal, call.version));
    joinConnection(attachment, connection, { stdin: request.stdin === true, endsStdin: !terminal });
  } catch (error) {
    // what cannot be started is told on the connection, and by the exit code that inspect has
    const failure = execFailure(error, request.command);
    if (failure === undefined) throw error;
    call.hijack(contentTypeOf(terminal, call.version)).end(`${failure}\r\n`);
  }
}
