import { processes } from '../../daemon/runtime/cgroups/processes.ts';
import { COLUMNS, FULL_COLUMNS, isColumn, processRows, type ColumnName } from '../../daemon/runtime/process-table.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { readRecord } from '../container/state.ts';
import { UsageError } from '../errors.ts';
import { table } from '../table.ts';

export const ps: Command = {
  name: 'ps',
  usage: '[OPTIONS] CONTAINER [PS-OPTION...]',
  summary: 'List the processes of a container',
  notes: [
    'PS-OPTION, of those of ps(1): -ef (the default), -e, aux, or -o COLUMN,… with the columns ' +
      `${Object.keys(COLUMNS).join(', ')}. Process ids are the host’s; users are numbers.`,
  ],
  flags: [
    {
      name: 'format',
      short: 'f',
      type: 'string',
      value: 'FORMAT',
      choices: ['table', 'json'],
      summary: 'table, or json: a list of process ids',
      default: 'table',
    },
  ],
  operands: { min: 1 },
  interspersed: false,
  run: list,
};

function list(input: Arguments, { root, runtime, print }: Context): number {
  const [id = '', ...options] = input.operands;
  const record = readRecord(root, id);
  const columns = columnsOf(options);
  const pids = processes(runtime.cgroups(), record.cgroupPath);
  if (input.string('format') === 'json') print(`${JSON.stringify(pids)}\n`);
  else
    print(
      table(
        columns.map((name) => COLUMNS[name]),
        processRows(pids, columns),
      ),
    );
  return 0;
}

const SHORT_COLUMNS: readonly ColumnName[] = ['pid', 'tty', 'time', 'comm'];
const USER_COLUMNS: readonly ColumnName[] = [
  'user',
  'pid',
  'pcpu',
  'vsz',
  'rss',
  'tty',
  'stat',
  'start',
  'time',
  'args',
];

/** Which columns ps(1) would show for these options. All processes of the container are shown in any case. */
export function columnsOf(options: readonly string[]): readonly ColumnName[] {
  const asked: ColumnName[] = [];
  let columns: readonly ColumnName[] | undefined;
  for (let index = 0; index < options.length; index++) {
    const option = options[index] ?? '';
    if (/^-?o/.test(option)) {
      const names = option.replace(/^-?o/, '') || options[++index];
      if (names === undefined) throw new UsageError('ps: -o needs a list of columns');
      asked.push(...columnList(names));
    } else if (/^-[Aefw]+$/.test(option)) columns = option.includes('f') ? FULL_COLUMNS : (columns ?? SHORT_COLUMNS);
    else if (/^[auxw]+$/.test(option)) columns = option.includes('u') ? USER_COLUMNS : (columns ?? SHORT_COLUMNS);
    else
      throw new UsageError(`ps: the option ${option} of ps(1) is not supported`, {
        hint: 'there are -e, -f, aux and -o',
      });
  }
  return asked.length > 0 ? asked : (columns ?? FULL_COLUMNS);
}

function columnList(names: string): ColumnName[] {
  return names.split(/[, ]+/).map((name) => {
    if (isColumn(name)) return name;
    throw new UsageError(`ps: there is no column ${JSON.stringify(name)}`, { hint: Object.keys(COLUMNS).join(', ') });
  });
}
