import type { CreateResponse, Exit } from '../../shared/api/container.ts';
import { STREAM_PROTOCOL } from '../../shared/streams.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context, Flag } from '../command.ts';
import { withFlag } from '../create/field-flags.ts';
import { createContainer } from '../create/create.ts';
import { CREATE_FLAGS, IMAGE_NOTES } from '../create/flags.ts';
import { createRequest } from '../create/request.ts';
import { EXIT, ProblemError, UsageError, messageOf } from '../errors.ts';
import { NETWORK_NOTES } from '../network/flags.ts';
import { print } from '../output.ts';
import { detachKeysOf } from '../stream/detach-keys.ts';
import { Session, exitCodeOfSession } from '../stream/session.ts';
import { requireTerminal } from '../stream/terminal.ts';
import { containerPath } from '../targets.ts';

const OWN_FLAGS: readonly Flag[] = [
  { name: 'detach', short: 'd', type: 'boolean', summary: 'run in the background and print the id' },
  {
    name: 'attach',
    short: 'a',
    type: 'list',
    value: 'STREAM',
    summary: 'attach to stdin, stdout or stderr only',
    completes: ['stdin', 'stdout', 'stderr'],
  },
  { name: 'sig-proxy', type: 'boolean', summary: 'pass signals on to the process', default: 'true' },
];

export const run: Command = {
  name: 'run',
  usage: '[OPTIONS] IMAGE|--rootfs DIR|--bundle DIR [COMMAND] [ARG...]',
  summary: 'Create a container and run a command in it',
  notes: [
    "The exit code is the command's own, 128+n where a signal ended it, 127 where it was not found, 126 where it cannot be executed, and 125 where tare itself failed.",
    ...IMAGE_NOTES,
    ...NETWORK_NOTES,
    'Examples: tare run --rm -it debian:12 bash; tare run --rm -it --rootfs / bash gives a disposable copy of this machine.',
  ],
  flags: [...OWN_FLAGS, ...CREATE_FLAGS],
  operands: { min: 0 },
  interspersed: false,
  completes: 'image',
  completesRest: 'none',
  failureCode: EXIT.engine,
  run: runContainer,
};

async function runContainer(input: Arguments, context: Context): Promise<number> {
  const streams = streamsOf(input);
  const detached = input.boolean('detach');
  if (detached && input.has('attach')) throw new UsageError('--detach and --attach exclude each other');
  const keys = detachKeysOf(input.string('detach-keys'), undefined);
  const request = createRequest(input, context.environment);
  // A client that keeps stdin open without -i is one that was told to attach to it.
  if (streams.stdin) request.stdin = true;
  if (!detached && streams.stdin && input.boolean('tty')) requireTerminal();
  // One becomes the session's; the other is then there for the start.
  if (!detached) context.daemon.prepare(2);
  const created = await createContainer(input, context, request);
  return detached ? runDetached(created, input, context) : runAttached(created, { input, context, streams, keys });
}

interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Without --attach: both outputs, and stdin with -i. */
function streamsOf(input: Arguments): Streams {
  const named = input.list('attach').map((name) => name.toLowerCase());
  const wrong = named.find((name) => !['stdin', 'stdout', 'stderr'].includes(name));
  if (wrong !== undefined) throw new UsageError(`--attach takes stdin, stdout or stderr, not "${wrong}"`);
  const all = named.length === 0;
  return {
    stdin: all ? input.boolean('interactive') : named.includes('stdin'),
    stdout: all || named.includes('stdout'),
    stderr: all || named.includes('stderr'),
  };
}

async function runDetached(created: CreateResponse, input: Arguments, context: Context): Promise<number> {
  try {
    await context.daemon.post(containerPath(created.id, '/start'));
  } catch (error) {
    if (input.boolean('rm')) await discard(created.id, context);
    throw withFlag(error);
  }
  print(`${created.id}\n`);
  return 0;
}

interface Attached {
  readonly input: Arguments;
  readonly context: Context;
  readonly streams: Streams;
  readonly keys: readonly number[];
}

async function runAttached(created: CreateResponse, options: Attached): Promise<number> {
  const { input, context, streams, keys } = options;
  const { daemon } = context;
  const terminal = input.boolean('tty');
  const remove = input.boolean('rm');
  const proxied = !terminal && (!input.has('sig-proxy') || input.boolean('sig-proxy'));
  let session: Session | undefined;
  let removed: Promise<unknown> = Promise.resolve();
  try {
    const socket = await daemon.webSocket(
      containerPath(created.id, '/attach'),
      { ...streams, logs: false },
      STREAM_PROTOCOL,
    );
    let started: Promise<unknown> = Promise.resolve();
    session = new Session(socket, {
      terminal,
      stdin: streams.stdin,
      subject: 'container',
      detachKeys: keys,
      ...(proxied ? { signal: (signal) => started.then(() => kill(context, created.id, signal)) } : {}),
    });
    session.watchSignals();
    const starting = daemon.post(containerPath(created.id, '/start'));
    // The request is on its way while the terminal is made ready; its failure is looked at below.
    started = starting.catch(() => undefined);
    session.begin();
    session.resize();
    await starting;
    if (remove) removed = untilRemoved(created.id, context);
    // The terminal exists for certain only now.
    session.resize();
  } catch (error) {
    session?.abandon();
    if (remove && error instanceof ProblemError) await discard(created.id, context);
    throw withFlag(error);
  }
  const end = await session.end();
  if (end.kind === 'exited') await removed;
  return exitCodeOfSession(end, created.name);
}

export async function kill(context: Context, ref: string, signal: string): Promise<void> {
  try {
    await context.daemon.post(containerPath(ref, '/kill'), { signal });
  } catch (error) {
    // It has just ended: nothing is left to signal.
    if (error instanceof ProblemError && ['container_not_running', 'container_not_found'].includes(error.problem.code))
      return;
    throw error;
  }
}

/** After `run --rm` the name is free again. Asked for while it runs, so that the answer comes at once. */
function untilRemoved(id: string, { daemon }: Context): Promise<unknown> {
  const waiting = daemon
    .post<Exit>(containerPath(id, '/wait'), undefined, { condition: 'removed' })
    .catch((error: unknown) => {
      if (error instanceof ProblemError && error.problem.code === 'container_not_found') return undefined;
      throw error;
    });
  waiting.catch(() => undefined);
  return waiting;
}

/** A container that never started does not end either, so --rm is left to us. */
async function discard(id: string, { daemon }: Context): Promise<void> {
  try {
    await daemon.delete(containerPath(id), { force: true });
  } catch (error) {
    if (error instanceof ProblemError && ['container_not_found', 'container_removing'].includes(error.problem.code))
      return;
    process.stderr.write(`tare: cannot remove container ${id}: ${messageOf(error)}\n`);
  }
}
