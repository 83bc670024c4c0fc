import type { ExecRequest } from '../../shared/api/exec.ts';
import { STREAM_PROTOCOL } from '../../shared/streams.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { environmentOf } from '../create/environment.ts';
import { EXIT } from '../errors.ts';
import { DETACH_KEYS_FLAG, detachKeysOf } from '../stream/detach-keys.ts';
import { Session } from '../stream/session.ts';
import { requireTerminal, terminalSize } from '../stream/terminal.ts';
import { containerPath, execPath } from '../targets.ts';

export const exec: Command = {
  name: 'exec',
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  summary: 'Run a further command in a running container',
  notes: ["The exit code is the command's own, 127 where it was not found, 126 where it cannot be executed."],
  flags: [
    { name: 'detach', short: 'd', type: 'boolean', summary: 'run in the background' },
    { name: 'interactive', short: 'i', type: 'boolean', summary: 'keep stdin open' },
    { name: 'tty', short: 't', type: 'boolean', summary: 'give it a terminal' },
    { name: 'env', short: 'e', type: 'list', value: 'NAME[=VALUE]', summary: 'set an environment variable' },
    {
      name: 'env-file',
      type: 'list',
      value: 'FILE',
      summary: 'read environment variables from a file',
      completes: 'file',
    },
    { name: 'workdir', short: 'w', type: 'string', value: 'DIR', summary: 'working directory inside' },
    { name: 'user', short: 'u', type: 'string', value: 'USER[:GROUP]', summary: 'user and group, by name or number' },
    { name: 'privileged', type: 'boolean', summary: 'give the command all capabilities' },
    DETACH_KEYS_FLAG,
  ],
  operands: { min: 2 },
  interspersed: false,
  completes: 'container',
  failureCode: EXIT.failure,
  run: execCommand,
};

async function execCommand(input: Arguments, context: Context): Promise<number> {
  const { daemon } = context;
  const [ref = ''] = input.operands;
  const keys = detachKeysOf(input.string('detach-keys'), undefined);
  const request = execRequest(input, context);
  const detached = input.boolean('detach');
  const terminal = request.tty === true;
  const stdin = request.stdin === true;
  if (!detached && terminal && stdin) requireTerminal();
  const { id } = await daemon.post<{ id: string }>(containerPath(ref, '/execs'), request);
  if (detached) {
    await daemon.post(execPath(id, '/start'));
    return 0;
  }
  const size = terminal ? terminalSize() : undefined;
  const socket = await daemon.webSocket(execPath(id, '/start'), { ...size }, STREAM_PROTOCOL);
  const session = new Session(socket, { terminal, stdin, subject: 'process', detachKeys: keys });
  session.watchSignals();
  session.begin();
  const end = await session.end();
  if (end.kind === 'detached') {
    process.stderr.write('\r\ntare: detached; the command runs on\n');
    return 0;
  }
  return end.code;
}

function execRequest(input: Arguments, context: Context): ExecRequest {
  const [, ...command] = input.operands;
  const request: ExecRequest = { command };
  const env = environmentOf(input.list('env'), input.list('env-file'), context.environment);
  const workdir = input.string('workdir');
  const user = input.string('user');
  if (env.length > 0) request.env = [...env];
  if (workdir !== undefined) request.workdir = workdir;
  if (user !== undefined) request.user = user;
  if (input.boolean('tty')) request.tty = true;
  if (input.boolean('interactive') && !input.boolean('detach')) request.stdin = true;
  if (input.boolean('privileged')) request.privileged = true;
  return request;
}
