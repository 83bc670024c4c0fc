/** What both ways of attaching to a container have in common: what is asked for, and what is refused. */
import type { ContainerDetail } from '../../../shared/api/container.ts';
import type { Attachment, Engine } from '../../api/engine.ts';
import { DockerError } from '../error.ts';
import type { Docker, DockerCall } from '../route.ts';
import { detachKeysOf } from '../streams/detach.ts';
import type { InputOptions } from '../streams/input.ts';
import type { LogWanted } from '../streams/tell-log.ts';
import { closesStdin } from './stdin-once.ts';
import { inWords } from './words.ts';

export type Streams = Readonly<Record<'stdin' | 'stdout' | 'stderr', boolean>>;

export interface Attached extends InputOptions {
  readonly detail: ContainerDetail;
  /** Undefined: what the log holds is asked for, and nothing of what comes. */
  readonly attachment: Attachment | undefined;
  readonly log: LogWanted;
}

export function streamsOf({ query }: DockerCall): Streams {
  return { stdin: query.flag('stdin'), stdout: query.flag('stdout'), stderr: query.flag('stderr') };
}

/** Throws DockerError, EngineError. */
export async function attachTo({ engine }: Docker, call: DockerCall, streams: Streams): Promise<Attached> {
  const { id: ref, query } = call;
  const detail = engine.inspect(ref);
  const { id, tty } = detail;
  const keys = detachKeysOf(query.text('detachKeys') ?? ownKeys(detail), 'detach');
  checkState(ref, detail);
  const closesStdin = endsStdin(engine, detail);
  const options = { ...streams, closesStdin, logs: query.flag('logs') };
  const attached = {
    ...{ detail, log: options, stdin: streams.stdin && detail.stdin, endsStdin: closesStdin },
    ...(tty ? { detach: { keys, told: () => told(engine, id) } } : {}),
  };
  if (!query.flag('stream')) return { ...attached, attachment: undefined };
  return { ...attached, attachment: await inWords(engine, ref, {}, () => engine.attach(id, options)) };
}

function checkState(ref: string, { status, restarting }: ContainerDetail): void {
  if (status === 'paused') {
    throw new DockerError(409, `container ${ref} is paused, unpause the container before attach`);
  }
  if (restarting) {
    throw new DockerError(409, `container ${ref} is restarting, wait until the container is running before attach`);
  }
}

/** The end of what is typed at a terminal ends no program: its client is gone, another may come. */
function endsStdin(engine: Engine, { id, tty }: ContainerDetail): boolean {
  return closesStdin(engine.dockerRequest(id)) && !tty;
}

/** Of a container that the native API made. */
function ownKeys({ request }: ContainerDetail): string | undefined {
  const { detachKeys } = (request ?? {}) as { detachKeys?: unknown };
  return typeof detachKeys === 'string' ? detachKeys : undefined;
}

/** Ignoring that it may have been removed by now: then nobody needs to hear of it. */
function told(engine: Engine, id: string): void {
  if (engine.identify(id, 'container') !== undefined) engine.detached(id);
}
