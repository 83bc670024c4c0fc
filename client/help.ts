/** The help of `tare` and of each command, in docker's shape. */
import { HELP_WIDTH, flagLines, wrap } from '../shared/command-line/help-lines.ts';
import type { Command, CommandGroup, Flag, TableEntry } from './command.ts';

export const HELP_FLAG: Flag = { name: 'help', type: 'boolean', summary: 'print this help' };

/** Flags before the command; the same table serves completion and docs. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  {
    name: 'host',
    short: 'H',
    type: 'string',
    value: 'SOCKET',
    summary: 'socket of the daemon; or set TARE_HOST',
    default: 'unix:///run/tare/tare.sock',
  },
  { name: 'version', short: 'v', type: 'boolean', summary: 'print the version of the client' },
  HELP_FLAG,
];

export function overview(commands: readonly TableEntry[]): string {
  return [
    'Usage:  tare [OPTIONS] COMMAND',
    '',
    'A container engine for one Linux host whose own weight is close to zero',
    '',
    'Commands:',
    ...entryLines(commands),
    '',
    'Options:',
    ...flagLines(GLOBAL_FLAGS),
    '',
    'Run "tare COMMAND --help" for more on a command.',
    '',
  ].join('\n');
}

export function groupHelp({ name, summary, commands }: CommandGroup): string {
  return [
    `Usage:  tare ${name} COMMAND`,
    '',
    summary,
    '',
    'Commands:',
    ...entryLines(commands),
    '',
    `Run "tare ${name} COMMAND --help" for more on a command.`,
    '',
  ].join('\n');
}

function entryLines(entries: readonly TableEntry[]): readonly string[] {
  const width = Math.max(...entries.map(({ name }) => name.length));
  return entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
}

export function commandHelp(command: Command): string {
  const lines = [`Usage:  tare ${command.name} ${command.usage}`, '', command.summary];
  for (const note of command.notes ?? []) lines.push('', ...wrap(note, HELP_WIDTH));
  const flags = shownFlags(command.flags);
  if (flags.length > 0) lines.push('', 'Options:', ...flagLines(flags));
  return `${lines.join('\n')}\n`;
}

export function shownFlags(flags: readonly Flag[]): readonly Flag[] {
  return flags.filter((flag) => flag.refused === undefined).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
