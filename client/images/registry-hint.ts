/** A registry that refuses: what the user of the command line can do about it. */
import { HUB, registryOf } from '../credentials/registry-name.ts';
import { ProblemError } from '../errors.ts';

/** The error itself, or the same with a hint in the words of the command line. */
export function withRegistryHint(error: unknown, image: string): unknown {
  if (!(error instanceof ProblemError)) return error;
  const hint = hintFor(error.problem.code, registryOf(image)) ?? error.hint;
  return hint === undefined ? error : new ProblemError({ ...error.problem, hint });
}

function hintFor(code: string, registry: string): string | undefined {
  const login = registry === HUB ? 'tare login' : `tare login ${registry}`;
  switch (code) {
    case 'registry_unauthorized':
    case 'registry_access_denied':
      return `log in with "${login}"`;
    case 'image_not_found':
      return `${registry} has no such repository or tag, or shows it only to those who log in with "${login}"`;
    default:
      return undefined;
  }
}
