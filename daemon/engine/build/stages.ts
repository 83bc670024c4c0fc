/** The stages of a Dockerfile: each FROM begins one; those behind the one that is asked for are left out. */
import { shown } from '../../images/errors.ts';
import { expanded } from '../../images/manifest/dockerfile-words.ts';
import { InvalidChange } from '../../images/manifest/invalid-change.ts';
import { EngineError } from '../errors.ts';
import type { BuildArguments } from './arguments.ts';
import { type Dockerfile, type Escape, INSTRUCTIONS_MAX, type Instruction, parseInstruction } from './dockerfile.ts';
import { BuildFailure, readFlags } from './failure.ts';
import { nothing, readImage, shortId } from './image.ts';
import { argumentsOf } from './instructions/config.ts';
import { InvalidDockerfile, at } from './invalid-dockerfile.ts';
import { baseImage } from './resolve.ts';
import { type Session, say } from './session.ts';
import { Stage } from './stage.ts';
import { takeStep } from './steps.ts';

/** As the runtime gives it to containers of directories; of Docker's builder, too. */
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const STAGE_NAME = /^[a-z][a-z0-9_.-]*$/;

export interface StagePlan {
  readonly from: Instruction;
  /** As it is written, with its variables. */
  readonly base: string;
  readonly name: string | undefined;
  readonly steps: readonly Instruction[];
}

export interface BuildPlan {
  /** ARGs before the first FROM. */
  readonly globals: readonly Instruction[];
  readonly stages: readonly StagePlan[];
}

/** Throws InvalidDockerfile; EngineError `invalid_field` where there is no such target. */
export function planOf({ instructions }: Dockerfile, target: string | undefined): BuildPlan {
  const globals: Instruction[] = [];
  const stages: (StagePlan & { readonly steps: Instruction[] })[] = [];
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.keyword === 'FROM') stages.push({ from: instruction, ...partsOf(instruction), steps: [] });
    else if (stage !== undefined) stage.steps.push(instruction);
    else if (instruction.keyword === 'ARG') globals.push(instruction);
    else throw at(instruction.line, `no build stage in current context: ${instruction.keyword} stands before FROM`);
  }
  if (stages.length === 0) throw new InvalidDockerfile('no build stage in current context');
  return { globals, stages: upTo(stages, target) };
}

function partsOf({ rest, line }: Instruction): Pick<StagePlan, 'base' | 'name'> {
  const [base = '', as, name, ...more] = rest.split(/\s+/);
  if (as === undefined) return { base, name: undefined };
  if (as.toLowerCase() !== 'as' || name === undefined || more.length > 0) {
    throw at(line, 'FROM requires either one or three arguments');
  }
  if (!STAGE_NAME.test(name.toLowerCase())) throw at(line, `invalid name for build stage: "${shown(name)}"`);
  return { base, name: name.toLowerCase() };
}

function upTo<T extends StagePlan>(stages: readonly T[], target: string | undefined): readonly T[] {
  if (target === undefined) return stages;
  const named = stages.findIndex(({ name }) => name === target.toLowerCase());
  const index = named === -1 && /^[0-9]{1,4}$/.test(target) ? Number(target) : named;
  if (stages[index] !== undefined) return stages.slice(0, index + 1);
  throw new EngineError('invalid_field', `failed to reach build target ${shown(target)} in Dockerfile`, {
    field: 'target',
  });
}

/** All of them, in order; the last is what was asked for. Throws EngineError, InvalidDockerfile. */
export async function buildStages(session: Session, { globals, stages }: BuildPlan): Promise<Stage> {
  const total = globals.length + stages.reduce((sum, { steps }) => sum + 1 + steps.length, 0);
  let number = 0;
  const announce = ({ text }: Instruction): Promise<void> => say(session, `Step ${++number}/${total} : ${text}\n`);
  for (const global of globals) {
    await announce(global);
    declareGlobal(session.args, global, session.escape);
  }
  for (const plan of stages) {
    await announce(plan.from);
    const stage = await begin(session, plan);
    for (const step of plan.steps) {
      await announce(step);
      await takeStep(session, stage, step);
      await say(session, ` ---> ${shortId(stage.image.id)}\n`);
    }
  }
  const last = session.stages.at(-1);
  if (last === undefined) throw new InvalidDockerfile('no build stage in current context');
  return last;
}

function declareGlobal(args: BuildArguments, { rest, line }: Instruction, escape: Escape): void {
  for (const { name, value } of atLine(line, () => argumentsOf(rest, { run: {}, args: args.forFrom, escape }))) {
    args.declareGlobal(name, value);
  }
}

function atLine<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof InvalidChange ? at(line, error.message) : error;
  }
}

async function begin(session: Session, { from, base, name }: StagePlan): Promise<Stage> {
  const { args, escape } = session;
  const expand = (text: string): string => atLine(from.line, () => expanded(text, args.forFrom, escape));
  const wanted = expand(base);
  if (wanted === '') throw at(from.line, `base name (${shown(base)}) should not be blank`);
  const flag = readFlags(from, ['platform']).get('platform');
  const platform = flag === undefined ? undefined : expand(flag);
  const before = session.stages.find((stage) => stage.name === wanted.toLowerCase());
  const image =
    wanted === 'scratch'
      ? nothing(session.platform)
      : before?.image.row !== undefined
        ? await readImage(session, before.image.row)
        : (before?.image ?? (await baseImage(session, wanted, platform)));
  const stage = new Stage(name, image, args.scope(), escape);
  session.stages.push(stage);
  if (!(stage.run.env ?? []).some((entry) => entry.startsWith('PATH='))) {
    stage.run = { ...stage.run, env: [...(stage.run.env ?? []), DEFAULT_PATH] };
  }
  await say(session, ` ---> ${shortId(image.id)}\n`);
  if (image.id !== '') await trigger(session, stage);
  return stage;
}

/** What ONBUILD of the base image left for whoever builds on it. */
async function trigger(session: Session, stage: Stage): Promise<void> {
  const { onBuild = [], ...run } = stage.run;
  if (onBuild.length === 0) return;
  if (onBuild.length > INSTRUCTIONS_MAX) throw new BuildFailure('the base image has too many triggers');
  stage.run = run;
  await say(session, `# Executing ${onBuild.length} build trigger${onBuild.length === 1 ? '' : 's'}\n`);
  for (const text of onBuild) {
    const instruction = parseInstruction(text);
    if (['FROM', 'ONBUILD', 'MAINTAINER'].includes(instruction.keyword)) {
      throw new BuildFailure(`${instruction.keyword} is not allowed as an ONBUILD trigger`);
    }
    await takeStep(session, stage, instruction);
  }
}
