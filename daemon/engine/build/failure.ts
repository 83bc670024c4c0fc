/** A step that failed: what the user reads, in the words of Docker's builder where it has some. */
import { EngineError, type ErrorDetails } from '../errors.ts';

export class BuildFailure extends EngineError {
  override name = 'BuildFailure';

  constructor(message: string, details: ErrorDetails = {}) {
    super('build_failed', message, details);
  }
}

/** What is of BuildKit, the other builder of Docker, and of no use here. */
export function ofBuildKit(what: string): EngineError {
  return new EngineError('unsupported', `${what} is of BuildKit, which is not built`, {
    hint: 'the instructions are those of the classic builder of Docker',
  });
}

/** Flags of an instruction by their names. Throws `unsupported`, `dockerfile_invalid`. */
export function readFlags(
  { keyword, flags, line }: { readonly keyword: string; readonly flags: readonly string[]; readonly line: number },
  known: readonly string[],
  buildKit: readonly string[] = [],
): ReadonlyMap<string, string> {
  const read = new Map<string, string>();
  for (const flag of flags) {
    const equals = flag.indexOf('=');
    const name = equals === -1 ? flag : flag.slice(0, equals);
    const invalid = (problem: string): EngineError =>
      new EngineError('dockerfile_invalid', `dockerfile parse error line ${line}: ${keyword} --${name}: ${problem}`);
    if (buildKit.includes(name)) throw ofBuildKit(`${keyword} --${name}`);
    if (!known.includes(name)) throw invalid('unknown flag');
    if (equals === -1 || equals === flag.length - 1) throw invalid('it has no value');
    if (read.has(name)) throw invalid('it is given twice');
    read.set(name, flag.slice(equals + 1));
  }
  return read;
}
