import type { ContainerDetail } from '../../shared/api/container.ts';
import type { Command } from '../command.ts';
import { EXIT, ProblemError } from '../errors.ts';
import { compileTemplate } from '../format/template.ts';
import { print } from '../output.ts';
import { containerPath, report } from '../targets.ts';

export const inspect: Command = {
  name: 'inspect',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Show all that is known of containers',
  notes: ['Prints a JSON array, or one line a container with a template such as "{{.status}} {{json .limits}}".'],
  flags: [
    {
      name: 'format',
      short: 'f',
      type: 'string',
      value: 'FORMAT',
      summary: 'json or a Go template',
      completes: ['json'],
    },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const format = input.string('format') ?? '';
    const template = format === '' || format === 'json' ? undefined : compileTemplate(format);
    const found: ContainerDetail[] = [];
    let code = 0;
    for (const ref of input.operands) {
      try {
        found.push(await daemon.get<ContainerDetail>(containerPath(ref)));
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        report(error);
        code = EXIT.failure;
      }
    }
    if (template !== undefined) print(found.map((detail) => `${template(detail)}\n`).join(''));
    else print(`${format === 'json' ? JSON.stringify(found) : JSON.stringify(found, null, 2)}\n`);
    return code;
  },
};
