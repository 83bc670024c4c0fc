/** What a build tells, as docker's classic builder prints it; with --quiet only the id, and all of it where it failed. */
import { writeFileSync } from 'node:fs';
import type { BuildResponse } from '../../shared/api/build.ts';
import type { Progress } from '../../shared/api/image.ts';
import { CliError, ProblemError, messageOf } from '../errors.ts';
import { print } from '../output.ts';

/** Characters that are kept of a quiet build. */
const KEPT_MAX = 256 * 1024;

export class BuildOutput {
  readonly #quiet: boolean;
  #kept = '';

  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  readonly take = ({ output, status, image }: Progress): void => {
    if (output !== undefined) this.#write(output);
    else if (status === 'resolved' && image !== undefined) this.#write(`${image}: Pulling\n`);
  };

  /** `file`: --iidfile. Throws CliError. */
  finish({ id }: BuildResponse, file: string | undefined): void {
    if (this.#quiet) print(`${id}\n`);
    if (file === undefined) return;
    try {
      writeFileSync(file, id);
    } catch (error) {
      throw new CliError(`cannot write ${file}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** With the exit code of the command that failed, as docker has it. */
  failed(error: unknown): unknown {
    if (this.#quiet) process.stderr.write(this.#kept);
    const exitCode = error instanceof ProblemError ? error.problem.exitCode : undefined;
    return exitCode === undefined ? error : new CliError(messageOf(error), { exitCode, cause: error });
  }

  #write(text: string): void {
    if (!this.#quiet) process.stdout.write(text);
    else this.#kept = (this.#kept + text).slice(-KEPT_MAX);
  }
}
