import type { ContainerDetail } from '../../shared/api/container.ts';
import { STREAM_PROTOCOL } from '../../shared/streams.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CliError, EXIT } from '../errors.ts';
import { DETACH_KEYS_FLAG, detachKeysOf } from '../stream/detach-keys.ts';
import { Session, exitCodeOfSession } from '../stream/session.ts';
import { requireTerminal } from '../stream/terminal.ts';
import { containerPath } from '../targets.ts';
import { kill } from './run.ts';

export const attach: Command = {
  name: 'attach',
  usage: '[OPTIONS] CONTAINER',
  summary: 'Attach to the streams of a running container',
  notes: ["The exit code is that of the container's command, 0 after detaching."],
  flags: [
    { name: 'no-stdin', type: 'boolean', summary: 'do not attach to stdin' },
    DETACH_KEYS_FLAG,
    { name: 'sig-proxy', type: 'boolean', summary: 'pass signals on to the process', default: 'true' },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: attachContainer,
};

async function attachContainer(input: Arguments, context: Context): Promise<number> {
  const [ref = ''] = input.operands;
  const { daemon } = context;
  const detail = await daemon.get<ContainerDetail>(containerPath(ref));
  const keys = detachKeysOf(input.string('detach-keys'), detail.request);
  refuseUnlessRunning(detail);
  const stdin = detail.stdin && !input.boolean('no-stdin');
  if (detail.tty && stdin) requireTerminal();
  const query = { stdin, stdout: true, stderr: true, logs: false };
  const socket = await daemon.webSocket(containerPath(detail.id, '/attach'), query, STREAM_PROTOCOL);
  const proxied = !detail.tty && (!input.has('sig-proxy') || input.boolean('sig-proxy'));
  const session = new Session(socket, {
    terminal: detail.tty,
    stdin,
    subject: 'container',
    detachKeys: keys,
    ...(proxied ? { signal: (signal) => kill(context, detail.id, signal) } : {}),
  });
  session.watchSignals();
  session.begin();
  if (detail.tty) session.redraw();
  return exitCodeOfSession(await session.end(), detail.name);
}

function refuseUnlessRunning({ name, status }: ContainerDetail): void {
  if (status === 'running') return;
  if (status === 'paused') throw new CliError(`container ${name} is paused`, { hint: `tare unpause ${name}` });
  throw new CliError(`container ${name} does not run`, { hint: `tare start -ai ${name}` });
}
