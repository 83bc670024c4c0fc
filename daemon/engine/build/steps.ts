/** One instruction after the other. */
import { InvalidChange } from '../../images/manifest/invalid-change.ts';
import { shown } from '../../images/errors.ts';
import { EngineError } from '../errors.ts';
import { cachedStep, stepKey } from './cache.ts';
import type { Instruction } from './dockerfile.ts';
import type { BuiltImage } from './image.ts';
import { changeConfig } from './instructions/config.ts';
import { copy } from './instructions/copy.ts';
import { run } from './instructions/run.ts';
import { workdir } from './instructions/workdir.ts';
import { type Session, say } from './session.ts';
import type { Stage } from './stage.ts';
import { storeStep } from './store-step.ts';

type Step = (session: Session, stage: Stage, instruction: Instruction) => Promise<BuiltImage>;

const WITH_FILES: Readonly<Record<string, Step>> = { RUN: run, COPY: copy, ADD: copy, WORKDIR: workdir };

/** The stage's image is what it made. Throws EngineError; `dockerfile_invalid` names the line. */
export async function takeStep(session: Session, stage: Stage, instruction: Instruction): Promise<void> {
  const { keyword, line, text } = instruction;
  try {
    const step = Object.hasOwn(WITH_FILES, keyword) ? WITH_FILES[keyword] : undefined;
    stage.image = await (step ?? configure)(session, stage, instruction);
  } catch (error) {
    if (!(error instanceof InvalidChange)) throw error;
    const problem = `dockerfile parse error line ${line}: ${shown(text)}: ${error.message}`;
    throw new EngineError('dockerfile_invalid', problem, { cause: error });
  }
}

async function configure(session: Session, stage: Stage, instruction: Instruction): Promise<BuiltImage> {
  const { keyword, text } = instruction;
  changeConfig(stage, instruction);
  const key = stepKey(session, stage, [keyword, text, stage.run, stage.author ?? null]);
  const cached = await cachedStep(session, key);
  if (cached === undefined) return storeStep(session, stage, { key, createdBy: `/bin/sh -c #(nop)  ${text}` });
  await say(session, ' ---> Using cache\n');
  return cached;
}
