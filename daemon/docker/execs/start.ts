/** `POST /exec/{id}/start`: starts it, on the connection of the request or detached. */
import type { ExecDetail } from '../../../shared/api/exec.ts';
import type { Attachment, Engine, ExecStart } from '../../api/engine.ts';
import { findContainer } from '../containers/find.ts';
import { DockerError, toDockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type Docker, type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { detachKeysOf } from '../streams/detach.ts';
import { endConnection } from '../streams/end.ts';
import { contentTypeOf, frame } from '../streams/frames.ts';
import { joinConnection } from '../streams/join.ts';
import { execFailure } from '../streams/texts.ts';
import { EXEC_TEXTS, alreadyStarted, checkRuns } from './texts.ts';

export const startExec: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/exec/:id/start',
  texts: EXEC_TEXTS,
  async handle(docker, call) {
    const { engine } = docker;
    const body = new Fields(call.body);
    const exec = engine.inspectExec(call.id);
    checkRuns(findContainer(engine, exec.container));
    if (body.flag('Detach') !== true) {
      await startAttached(docker, call, exec, body);
      return undefined;
    }
    const refusal = alreadyStarted(exec);
    if (refusal !== undefined) throw refusal;
    try {
      await engine.startExec(exec.id);
    } catch (error) {
      throw failureOf(error, exec);
    }
    return { status: 200 };
  },
});

function failureOf(error: unknown, { id, request }: ExecDetail): DockerError {
  const failure = execFailure(error, request.command);
  return failure === undefined ? toDockerError(error, EXEC_TEXTS, id) : new DockerError(400, failure, { cause: error });
}

/** What goes wrong from here on is told on the connection: as output, and by the exit code that inspect has. */
async function startAttached({ engine }: Docker, call: DockerCall, exec: ExecDetail, body: Fields): Promise<void> {
  // dockerd's clients say with the start whether they can tell frames from a terminal's bytes
  const framed = body.flag('Tty') !== true;
  const contentType = contentTypeOf(!framed, call.version);
  // Before the start, as dockerd does it: docker-py loses output that comes together with the head. But a terminal's client
  // then sends its size, which is to find a terminal.
  const early = framed ? call.hijack(contentType) : undefined;
  const tell = (text: string): void => {
    const bytes = framed ? frame('stdout', `${text}\r\n`) : Buffer.from(`${text}\r\n`);
    endConnection(early ?? call.hijack(contentType), bytes);
  };
  const refusal = alreadyStarted(exec);
  if (refusal !== undefined) {
    tell(refusal.message);
    return;
  }
  let attachment: Attachment | undefined;
  try {
    attachment = await started(engine, exec, sizeOf(body));
  } catch (error) {
    tell(failureOf(error, exec).message);
    return;
  }
  const connection = early ?? call.hijack(contentType);
  if (attachment === undefined) endConnection(connection);
  else joinConnection(attachment, connection, { framed, ...inputOf(engine, exec) });
}

/** Undefined: it was created with no streams to be attached to, and runs by itself. */
async function started(engine: Engine, { id, request }: ExecDetail, size: ExecStart): Promise<Attachment | undefined> {
  const { stdin, stdout, stderr, tty } = request;
  if (stdin === true || stdout !== false || stderr !== false) {
    return engine.startExecAttached(id, tty === true ? size : {});
  }
  await engine.startExec(id);
  return undefined;
}

function inputOf(engine: Engine, { id, request }: ExecDetail) {
  const { stdin, tty, detachKeys } = request;
  const told = (): void => engine.detachedExec(id);
  return {
    stdin: stdin === true,
    endsStdin: tty !== true,
    ...(tty === true ? { detach: { keys: detachKeysOf(detachKeys, 'escape'), told } } : {}),
  };
}

function sizeOf(body: Fields): ExecStart {
  const [rows, columns] = body.numbers('ConsoleSize') ?? [];
  if (rows === undefined || columns === undefined || rows < 1 || columns < 1) return {};
  return { tty: { rows: Math.min(rows, 65_535), columns: Math.min(columns, 65_535) } };
}
