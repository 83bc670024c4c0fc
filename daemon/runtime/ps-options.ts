/** Options of ps(1): which columns a table of processes has. */
import { COLUMNS, FULL_COLUMNS, isColumn, type ColumnName } from './process-table.ts';

export class PsOptionError extends Error {
  override name = 'PsOptionError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
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
      if (names === undefined) throw new PsOptionError('ps: -o needs a list of columns');
      asked.push(...columnList(names));
    } else if (/^-[Aefw]+$/.test(option)) columns = option.includes('f') ? FULL_COLUMNS : (columns ?? SHORT_COLUMNS);
    else if (/^[auxw]+$/.test(option)) columns = option.includes('u') ? USER_COLUMNS : (columns ?? SHORT_COLUMNS);
    else throw new PsOptionError(`ps: the option ${option} of ps(1) is not supported`, 'there are -e, -f, aux and -o');
  }
  return asked.length > 0 ? asked : (columns ?? FULL_COLUMNS);
}

function columnList(names: string): ColumnName[] {
  return names.split(/[, ]+/).map((name) => {
    if (isColumn(name)) return name;
    throw new PsOptionError(`ps: there is no column ${JSON.stringify(name)}`, Object.keys(COLUMNS).join(', '));
  });
}
