import type { Arguments } from '../arguments.ts';
import type { Command, Context, Flag } from '../command.ts';
import { EXIT, ProblemError } from '../errors.ts';
import { compileTemplate } from '../format/template.ts';
import { print } from '../output.ts';
import { containerPath, report } from '../targets.ts';

export const INSPECT_FORMAT: Flag = {
  name: 'format',
  short: 'f',
  type: 'string',
  value: 'FORMAT',
  summary: 'json or a Go template',
  completes: ['json'],
};

export const inspect: Command = {
  name: 'inspect',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Show all that is known of containers',
  notes: ['Prints a JSON array, or one line a container with a template such as "{{.status}} {{json .limits}}".'],
  flags: [INSPECT_FORMAT],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  run: (input, context) => inspectAll(input, context, containerPath),
};

/** Shows what is found, also where something else is not. */
export async function inspectAll(
  input: Arguments,
  { daemon }: Context,
  pathOf: (ref: string) => string,
): Promise<number> {
  const format = input.string('format') ?? '';
  const template = format === '' || format === 'json' ? undefined : compileTemplate(format);
  const found: unknown[] = [];
  let code = 0;
  for (const ref of input.operands) {
    try {
      found.push(await daemon.get(pathOf(ref)));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      report(error);
      code = EXIT.failure;
    }
  }
  if (template !== undefined) print(found.map((detail) => `${template(detail)}\n`).join(''));
  else print(`${format === 'json' ? JSON.stringify(found) : JSON.stringify(found, null, 2)}\n`);
  return code;
}
