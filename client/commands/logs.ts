import type { LogEntry } from '../../shared/api/logs.ts';
import type { Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { parseMoment } from '../format/duration.ts';
import { printSlowly } from '../output.ts';
import { containerPath } from '../targets.ts';

export const logs: Command = {
  name: 'logs',
  usage: '[OPTIONS] CONTAINER',
  summary: "Show a container's output",
  notes: [
    'What the container wrote to stderr goes to stderr. Times are RFC 3339, seconds since 1970, or a length before now such as 10m.',
  ],
  flags: [
    { name: 'follow', short: 'f', type: 'boolean', summary: 'go on until the container ends' },
    {
      name: 'tail',
      short: 'n',
      type: 'string',
      value: 'NUMBER',
      summary: 'only the last lines, or "all"',
      default: 'all',
    },
    { name: 'since', type: 'string', value: 'TIME', summary: 'only what came after' },
    { name: 'until', type: 'string', value: 'TIME', summary: 'only what came before' },
    { name: 'timestamps', short: 't', type: 'boolean', summary: 'show when each line came' },
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = ''] = input.operands;
    const timestamps = input.boolean('timestamps');
    const tail = input.string('tail');
    if (tail !== undefined && !/^(\d{1,9}|all)$/.test(tail))
      throw new UsageError(`--tail takes a number or "all", not "${tail}"`);
    const query = {
      follow: input.boolean('follow'),
      tail,
      since: moment('--since', input.string('since')),
      until: moment('--until', input.string('until')),
    };
    // A part of a line goes on where the former of its stream ended, without a time of its own.
    const open = new Set<string>();
    await daemon.lines(containerPath(ref, '/logs'), query, (line) => {
      const entry = line as LogEntry;
      const head = timestamps && !open.has(entry.stream) ? `${entry.at} ` : '';
      if (entry.partial) open.add(entry.stream);
      else open.delete(entry.stream);
      const output = entry.stream === 'stderr' ? process.stderr : process.stdout;
      return printSlowly(`${head}${entry.text}${entry.partial ? '' : '\n'}`, output);
    });
    return 0;
  },
};

/** What the API takes for a point in time; undefined stays so. */
export function moment(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const read = parseMoment(text, Date.now());
  if (read === undefined) {
    throw new UsageError(`${flag} "${text}" is no time`, {
      hint: 'such as 2026-01-31T12:00:00Z, 1767225600, or 10m for ten minutes ago',
    });
  }
  return read;
}
