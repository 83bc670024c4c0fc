/** The help of `tare-oci` and of each command. */
import { HELP_WIDTH, flagLines, wrap } from '../shared/command-line/help-lines.ts';
import type { Command, CommandEntry, Flag } from './command.ts';
import { LOG_FORMATS } from './log.ts';

export const DEFAULT_ROOT = '/run/tare-oci';

/** Flags before the command; the same table serves parser, help and docs. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  {
    name: 'root',
    type: 'string',
    value: 'DIR',
    summary: 'directory of the containers’ states; put it on a tmpfs, for a state is of no use after a reboot',
    default: DEFAULT_ROOT,
  },
  { name: 'log', type: 'string', value: 'FILE', summary: 'append the log to FILE', default: 'stderr' },
  {
    name: 'log-format',
    type: 'string',
    value: 'FORMAT',
    choices: LOG_FORMATS,
    summary: LOG_FORMATS.join(' or '),
    default: 'text',
  },
  { name: 'debug', type: 'boolean', summary: 'log also what is done on the way' },
  {
    name: 'systemd-cgroup',
    type: 'boolean',
    summary: 'refused: control groups are made in the file system, not by systemd',
  },
  {
    name: 'rootless',
    type: 'string',
    value: 'WORD',
    choices: ['true', 'false', 'auto'],
    summary: 'true, false or auto; taken for the sake of callers, without effect',
  },
  { name: 'version', short: 'v', type: 'boolean', summary: 'print the version' },
  { name: 'help', short: 'h', type: 'boolean', summary: 'print this help' },
];

export const HELP_FLAG: Flag = { name: 'help', short: 'h', type: 'boolean', summary: 'print this help' };

export function overview(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Usage:  tare-oci [OPTIONS] COMMAND',
    '',
    'An OCI runtime: runs containers from bundles, without a daemon',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Options:',
    ...flagLines(GLOBAL_FLAGS),
    '',
    'Run "tare-oci COMMAND --help" for more on a command.',
    '',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const lines = [`Usage:  ${`tare-oci ${command.name} ${command.usage}`.trimEnd()}`, '', command.summary];
  for (const note of command.notes ?? []) lines.push('', ...wrap(note, HELP_WIDTH));
  const flags = shownFlags(command.flags);
  if (flags.length > 0) lines.push('', 'Options:', ...flagLines(flags));
  return `${lines.join('\n')}\n`;
}

function shownFlags(flags: readonly Flag[]): readonly Flag[] {
  return flags
    .filter((flag) => flag.refused === undefined && flag.ignored === undefined)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
