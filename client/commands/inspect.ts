import type { Arguments } from '../arguments.ts';
import type { Command, Context, Flag } from '../command.ts';
import { EXIT, ProblemError, UsageError } from '../errors.ts';
import { compileTemplate } from '../format/template.ts';
import { print } from '../output.ts';
import { containerPath, imagePath, networkPath, report, volumePath } from '../targets.ts';

export const INSPECT_FORMAT: Flag = {
  name: 'format',
  short: 'f',
  type: 'string',
  value: 'FORMAT',
  summary: 'json or a Go template',
  completes: ['json'],
};

const TYPES = ['container', 'image', 'network', 'volume'] as const;
type InspectedType = (typeof TYPES)[number];

const PATHS: Readonly<Record<InspectedType, (ref: string) => string>> = {
  container: containerPath,
  image: imagePath,
  network: networkPath,
  volume: volumePath,
};

export const inspect: Command = {
  name: 'inspect',
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  summary: 'Show all that is known of containers, images, networks and volumes',
  notes: [
    'Prints a JSON array, or one line each with a template such as "{{.status}} {{json .limits}}".',
    "A name that several have is the container's, then the image's, the network's, the volume's; --type says which is meant.",
  ],
  flags: [
    INSPECT_FORMAT,
    { name: 'type', type: 'string', value: 'TYPE', summary: 'container, image, network or volume', completes: TYPES },
    {
      name: 'size',
      short: 's',
      type: 'boolean',
      summary: '',
      refused: '"tare system df -v" shows what containers take',
    },
  ],
  operands: { min: 1 },
  interspersed: true,
  completes: 'object',
  failureCode: EXIT.failure,
  run(input, context) {
    const asked = input.string('type');
    const type = TYPES.find((name) => name === asked);
    if (asked !== undefined && type === undefined) {
      throw new UsageError(`--type "${asked}" is not supported`, { hint: `there are ${TYPES.join(', ')}` });
    }
    const paths = type === undefined ? TYPES.map((name) => PATHS[name]) : [PATHS[type]];
    return inspectAll(input, context, ...paths);
  },
};

/** Shows what is found, also where something else is not. `paths`: where each is looked for, one after the other. */
export async function inspectAll(
  input: Arguments,
  { daemon }: Context,
  ...paths: readonly ((ref: string) => string)[]
): Promise<number> {
  const format = input.string('format') ?? '';
  const template = format === '' || format === 'json' ? undefined : compileTemplate(format);
  const found: unknown[] = [];
  let code = 0;
  for (const ref of input.operands) {
    try {
      found.push(await firstFound(daemon, ref, paths));
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

/** Throws the ProblemError of the last place where it can be. */
async function firstFound(
  daemon: Context['daemon'],
  ref: string,
  paths: readonly ((ref: string) => string)[],
): Promise<unknown> {
  let absent: ProblemError | undefined;
  for (const pathOf of paths) {
    try {
      return await daemon.get(pathOf(ref));
    } catch (error) {
      if (!(error instanceof ProblemError) || !isAbsence(error)) throw error;
      absent = error;
    }
  }
  throw paths.length === 1 && absent !== undefined ? absent : noSuch(ref);
}

/** A name of another grammar is none of this kind. */
function isAbsence({ problem: { status, code } }: ProblemError): boolean {
  return status === 404 || code === 'invalid_reference' || code === 'invalid_field';
}

function noSuch(ref: string): ProblemError {
  const detail = `no container, image, network or volume is called "${ref}"`;
  return new ProblemError({ type: 'about:blank', title: '', status: 404, detail, code: 'not_found' });
}
