import { stringifyJson } from '../../daemon/runtime/spec/json.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { listRecords } from '../container/state.ts';
import { statusOf } from '../container/status.ts';
import { table } from '../table.ts';
import { stateOf } from './state.ts';

export const list: Command = {
  name: 'list',
  usage: '[OPTIONS]',
  summary: 'List the containers below --root',
  flags: [
    {
      name: 'format',
      short: 'f',
      type: 'string',
      value: 'FORMAT',
      choices: ['table', 'json'],
      summary: 'table or json',
      default: 'table',
    },
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'print only ids' },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  run: show,
};

const COLUMNS = [
  { title: 'ID' },
  { title: 'PID', right: true },
  { title: 'STATUS' },
  { title: 'BUNDLE' },
  { title: 'CREATED' },
  { title: 'OWNER' },
];

function show(input: Arguments, { root, runtime, print }: Context): number {
  const records = listRecords(root);
  if (input.boolean('quiet')) {
    print(records.map(({ id }) => `${id}\n`).join(''));
    return 0;
  }
  const entries = records.map((record) => stateOf(record, statusOf(root, record, runtime.cgroups)));
  if (input.string('format') === 'json') print(`${stringifyJson(entries)}\n`);
  else print(table(COLUMNS, entries.map(cellsOf)));
  return 0;
}

function cellsOf({ id, pid, status, bundle, created, owner }: ReturnType<typeof stateOf>): string[] {
  return [id, String(pid), status, bundle, created, owner];
}
