import { processes } from '../../daemon/runtime/cgroups/processes.ts';
import { COLUMNS, processRows, type ColumnName } from '../../daemon/runtime/process-table.ts';
import { PsOptionError, columnsOf } from '../../daemon/runtime/ps-options.ts';
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
  const columns = columnsAsked(options);
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

/** Throws UsageError. */
function columnsAsked(options: readonly string[]): readonly ColumnName[] {
  try {
    return columnsOf(options);
  } catch (error) {
    if (!(error instanceof PsOptionError)) throw error;
    throw new UsageError(error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}
