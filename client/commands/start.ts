import type { ContainerDetail } from '../../shared/api/container.ts';
import { STREAM_PROTOCOL } from '../../shared/streams.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { DETACH_KEYS_FLAG, detachKeysOf } from '../stream/detach-keys.ts';
import { Session, exitCodeOfSession } from '../stream/session.ts';
import { requireTerminal } from '../stream/terminal.ts';
import { containerPath, each } from '../targets.ts';
import { kill } from './run.ts';

export const start: Command = {
  name: 'start',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Start containers that do not run',
  notes: ['With --attach the exit code is the command\'s own, as for "run".'],
  flags: [
    { name: 'attach', short: 'a', type: 'boolean', summary: 'attach to stdout and stderr, and pass signals on' },
    { name: 'interactive', short: 'i', type: 'boolean', summary: 'attach to stdin too' },
    DETACH_KEYS_FLAG,
    { name: 'sig-proxy', type: 'boolean', summary: 'pass signals on to the process', default: 'true' },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.engine,
  run(input, context) {
    if (input.boolean('attach') || input.boolean('interactive')) return startAttached(input, context);
    return each(input.operands, async (ref) => {
      await context.daemon.post(containerPath(ref, '/start'));
      return ref;
    });
  },
};

async function startAttached(input: Arguments, context: Context): Promise<number> {
  const [ref = '', ...others] = input.operands;
  if (others.length > 0) throw new UsageError('only one container can be started attached');
  const { daemon } = context;
  const detail = await daemon.get<ContainerDetail>(containerPath(ref));
  const keys = detachKeysOf(input.string('detach-keys'), detail.request);
  const stdin = input.boolean('interactive') && detail.stdin;
  if (detail.tty && stdin) requireTerminal();
  const query = { stdin, stdout: true, stderr: true, logs: false };
  const socket = await daemon.webSocket(containerPath(detail.id, '/attach'), query, STREAM_PROTOCOL);
  const proxied = !detail.tty && (!input.has('sig-proxy') || input.boolean('sig-proxy'));
  let started: Promise<unknown> = Promise.resolve();
  const session = new Session(socket, {
    terminal: detail.tty,
    stdin,
    subject: 'container',
    detachKeys: keys,
    ...(proxied ? { signal: (signal) => started.then(() => kill(context, detail.id, signal)) } : {}),
  });
  try {
    session.watchSignals();
    session.begin();
    session.resize();
    const starting = daemon.post(containerPath(detail.id, '/start'));
    started = starting.catch(() => undefined);
    await starting;
    session.resize();
  } catch (error) {
    session.abandon();
    throw error;
  }
  return exitCodeOfSession(await session.end(), detail.name);
}
