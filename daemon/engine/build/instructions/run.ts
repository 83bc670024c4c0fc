/** RUN: an ordinary container of the image so far, run to its end; what it changed is the layer. */
import { StringDecoder } from 'node:string_decoder';
import type { CreateRequest, Exit } from '../../../../shared/api/container.ts';
import { jsonWords } from '../../../images/manifest/dockerfile-words.ts';
import { variablesOf } from '../../../images/manifest/changes.ts';
import type { OutputSink } from '../../../api/engine.ts';
import { attach } from '../../attach.ts';
import type { Container } from '../../container.ts';
import { create } from '../../create.ts';
import { begunWork } from '../../files/copy.ts';
import { differingOf, isComparedOnly } from '../../files/view-of.ts';
import { remove } from '../../remove.ts';
import { start } from '../../start.ts';
import { wait } from '../../wait.ts';
import { cachedStep, stepKey } from '../cache.ts';
import { containerSettings } from '../container-settings.ts';
import type { Instruction } from '../dockerfile.ts';
import { BuildFailure, ofBuildKit, readFlags } from '../failure.ts';
import { shellText } from '../heredoc.ts';
import { type BuiltImage, shortId } from '../image.ts';
import { type Session, say } from '../session.ts';
import type { Stage } from '../stage.ts';
import { storeStep } from '../store-step.ts';

const DEFAULT_SHELL = ['/bin/sh', '-c'];

interface Command {
  readonly words: readonly string[];
  /** "NAME=value": arguments of the build, for its environment. */
  readonly env: readonly string[];
  /** As history has it. */
  readonly text: string;
}

/** Throws BuildFailure, and as create(), start() and storeStep() do. */
export async function run(session: Session, stage: Stage, instruction: Instruction): Promise<BuiltImage> {
  readFlags(instruction, [], ['mount', 'network', 'security', 'device']);
  const command = commandOf(stage, instruction);
  const { network = '' } = session.query;
  const key = stepKey(session, stage, ['RUN', command.words, command.text, network]);
  const cached = await cachedStep(session, key);
  if (cached !== undefined) {
    await say(session, ' ---> Using cache\n');
    return cached;
  }
  if (stage.image.row === undefined) throw new BuildFailure('RUN on nothing: there is no program in an empty image');
  const { context } = session;
  const { id } = await create(context, requestOf(session, stage, command));
  try {
    const container = context.containers.find(id);
    await say(session, ` ---> Running in ${shortId(id)}\n`);
    checkExit(await ranOut(session, container), command);
    const job = () => ({ do: 'layer', from: { is: 'difference', of: differingOf(context, container, isComparedOnly()) } }) as const;
    const layer = await begunWork(context, container, job, session.signal);
    const stored = await storeStep(session, stage, { key, createdBy: command.text, layer });
    await say(session, `Removing intermediate container ${shortId(id)}\n`);
    return stored;
  } finally {
    await remove(context, id, { force: true, volumes: true });
  }
}

function commandOf(stage: Stage, { rest, heredocs }: Instruction): Command {
  const script = shellText(rest, heredocs);
  if (heredocs.length > 0 && script.startsWith('#!')) throw ofBuildKit('RUN with a here-document that names its own interpreter');
  const words = jsonWords(rest) ?? [...(stage.run.shell ?? DEFAULT_SHELL), script];
  const { all, relevant } = stage.scope.pairs(variablesOf({ run: stage.run }));
  const before = relevant.length === 0 ? [] : [`|${relevant.length}`, ...relevant];
  return { words, env: all, text: [...before, ...words].join(' ') };
}

function requestOf(session: Session, { image, run: { healthcheck } }: Stage, command: Command): CreateRequest {
  return {
    image: image.id,
    entrypoint: [],
    command: [...command.words],
    env: [...command.env],
    ...containerSettings(session),
    ...(healthcheck === undefined ? {} : { healthcheck: { test: ['NONE'] } }),
    log: { driver: 'none' },
  };
}

/** Its output is told as it comes; whoever takes it slowly slows the container. */
async function ranOut(session: Session, { id }: Container): Promise<Exit> {
  const { context, signal } = session;
  const attachment = await attach(context, id, { stdin: false, stdout: true, stderr: true, logs: false });
  const ended = Promise.withResolvers<undefined>();
  const stop = (): void => ended.resolve(undefined);
  signal.addEventListener('abort', stop);
  try {
    attachment.begin(sinkOf(session, () => attachment.resume(), stop));
    const exit = wait(context, id, 'next-exit', signal);
    // met below, unless the start fails
    exit.catch(() => undefined);
    await start(context, id);
    await ended.promise;
    return await exit;
  } finally {
    signal.removeEventListener('abort', stop);
    attachment.close();
  }
}

function sinkOf({ tell }: Session, resume: () => void, ended: () => void): OutputSink {
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  return {
    output(stream, bytes) {
      const output = decoders[stream].write(bytes);
      const taken = output === '' ? undefined : tell({ output });
      if (taken === undefined) return true;
      taken.then(resume, resume);
      return false;
    },
    end() {
      const output = decoders.stdout.end() + decoders.stderr.end();
      if (output !== '') void tell({ output });
      ended();
    },
  };
}

function checkExit(exit: Exit, { words }: Command): void {
  const shown = words.join(' ');
  if (exit.unknown || exit.code === undefined) {
    throw new BuildFailure(`The command '${shown}' ended while nobody could see how`);
  }
  if (exit.code === 0) return;
  throw new BuildFailure(`The command '${shown}' returned a non-zero code: ${exit.code}`, { exitCode: exit.code });
}

