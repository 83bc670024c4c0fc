/** What lines of a Dockerfile make of an image's configuration, for commit and import. */
import { InvalidChange, applyChanges } from '../../images/manifest/changes.ts';
import type { RunConfig } from '../../images/manifest/image-config.ts';
import { EngineError } from '../errors.ts';

/** `field`: what the lines are called in the request. Throws `invalid_field`. */
export function changedConfig(run: RunConfig, lines: readonly string[], field: string): RunConfig {
  try {
    return applyChanges(run, lines);
  } catch (error) {
    if (!(error instanceof InvalidChange)) throw error;
    throw new EngineError('invalid_field', error.message, { cause: error, field });
  }
}
