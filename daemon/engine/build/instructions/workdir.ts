/** WORKDIR: where the programs begin, and the directory itself where it is missing. */
import { applyInstruction } from '../../../images/manifest/changes.ts';
import { stepKey } from '../cache.ts';
import type { Instruction } from '../dockerfile.ts';
import { BuildFailure } from '../failure.ts';
import type { BuiltImage } from '../image.ts';
import type { Session } from '../session.ts';
import type { Stage } from '../stage.ts';
import { EngineError } from '../../errors.ts';
import { fileStep, resolvedPath } from './copy.ts';

/** Throws InvalidChange, BuildFailure, and as storeStep() does. */
export async function workdir(session: Session, stage: Stage, { keyword, rest }: Instruction): Promise<BuiltImage> {
  applyInstruction(stage, keyword, rest);
  const path = stage.run.workingDir ?? '/';
  const step = {
    key: stepKey(session, stage, [keyword, stage.run]),
    createdBy: `/bin/sh -c #(nop) WORKDIR ${path}`,
  };
  try {
    return await fileStep(session, stage, step, (view) => ({
      ...{ do: 'make-directory', view },
      path: resolvedPath(stage, path),
    }));
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'not_a_directory')) throw error;
    throw new BuildFailure(`WORKDIR failed: ${error.message}`, { cause: error });
  }
}
