/** Commands that do the same to each container they are given. */
import { CliError, EXIT, ProblemError, messageOf } from './errors.ts';
import { print } from './output.ts';

/** The path of a container by id, beginning of an id, or name. */
export function containerPath(ref: string, rest = ''): string {
  return `/containers/${segment(ref, 'container')}${rest}`;
}

/** The path of a network by id, beginning of an id, or name. */
export function networkPath(ref: string, rest = ''): string {
  return `/networks/${segment(ref, 'network')}${rest}`;
}

/** The path of an image by name, id, or beginning of an id. */
export function imagePath(ref: string, rest = ''): string {
  return `/images/${segment(ref, 'image')}${rest}`;
}

export function volumePath(name: string, rest = ''): string {
  return `/volumes/${segment(name, 'volume')}${rest}`;
}

export function execPath(id: string, rest = ''): string {
  return `/execs/${segment(id, 'exec')}${rest}`;
}

/** A name that would change the path is told apart here, the rest is the daemon's to judge. */
function segment(ref: string, what: string): string {
  if (ref === '' || ref === '.' || ref === '..') throw new CliError(`"${ref}" names no ${what}`);
  return encodeURIComponent(ref);
}

/**
 * Acts on all of `refs` in turn and prints what `act` gives, as a rule the name again. One that fails does not keep
 * the others from their turn; the exit code is then the failure's.
 */
export async function each(refs: readonly string[], act: (ref: string) => Promise<string>): Promise<number> {
  let code = 0;
  for (const ref of refs) {
    try {
      print(`${await act(ref)}\n`);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      code = error.exitCode ?? EXIT.failure;
      report(error);
    }
  }
  return code;
}

/** One line on stderr, and one more where something is known about what to do. */
export function report(error: unknown): void {
  process.stderr.write(`tare: ${messageOf(error)}\n`);
  if (error instanceof CliError && error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`);
}
