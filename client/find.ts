/** Finds what the words of a command line name in the command table. */
import { parseArguments } from './arguments.ts';
import { isGroup, type CommandEntry, type CommandGroup, type TableEntry } from './command.ts';
import { UsageError } from './errors.ts';
import { HELP_FLAG } from './help.ts';
import { nearest } from './suggest.ts';

export interface Found {
  /** A group only where no command of it follows: what is wanted is its help. */
  readonly entry: TableEntry;
  /** What stands behind the name. */
  readonly words: readonly string[];
}

/** `words` begin with the name. Throws UsageError. */
export function findEntry(words: readonly string[], table: readonly TableEntry[]): Found {
  const [name = '', ...rest] = words;
  const entry = table.find((candidate) => answersTo(candidate, name));
  if (entry === undefined) throw unknown(name, table, 'tare');
  return isGroup(entry) ? findInGroup(entry, rest) : { entry, words: rest };
}

function findInGroup(group: CommandGroup, words: readonly string[]): Found {
  const input = parseArguments(words, [HELP_FLAG], false);
  const [name, ...rest] = input.operands;
  if (name === undefined || input.boolean('help')) return { entry: group, words: [] };
  const entry = group.commands.find((candidate) => answersTo(candidate, name));
  if (entry === undefined) throw unknown(name, group.commands, `tare ${group.name}`);
  return { entry, words: rest };
}

function answersTo(entry: TableEntry | CommandEntry, name: string): boolean {
  return entry.name === name || (!isGroup(entry) && entry.aliases?.includes(name) === true);
}

/** `before`: the words that lead to the table. */
function unknown(name: string, table: readonly TableEntry[], before: string): UsageError {
  const near = nearest(
    name,
    table.map((candidate) => candidate.name),
  );
  return new UsageError(`"${`${before} ${name}`.slice('tare '.length)}" is not a command`, {
    hint: near === undefined ? `${before} --help lists the commands` : `did you mean "${before} ${near}"?`,
  });
}
