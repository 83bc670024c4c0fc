/** The help of `tare` and of each command, in docker's shape. */
import type { Command, CommandEntry, Flag } from './command.ts';

const WIDTH = 100;

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
  { name: 'help', type: 'boolean', summary: 'print this help' },
];

export function overview(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Usage:  tare [OPTIONS] COMMAND',
    '',
    'A container engine for one Linux host whose own weight is close to zero',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Options:',
    ...flagLines(GLOBAL_FLAGS),
    '',
    'Run "tare COMMAND --help" for more on a command.',
    '',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const lines = [`Usage:  tare ${command.name} ${command.usage}`, '', command.summary];
  for (const note of command.notes ?? []) lines.push('', ...wrap(note, WIDTH));
  const flags = shownFlags(command.flags);
  if (flags.length > 0) lines.push('', 'Options:', ...flagLines(flags));
  return `${lines.join('\n')}\n`;
}

export function shownFlags(flags: readonly Flag[]): readonly Flag[] {
  return flags.filter((flag) => flag.refused === undefined).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** "-m, --memory BYTES" */
export function flagSpelling(flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return `${short}--${flag.name}${flag.value === undefined ? '' : ` ${flag.value}`}`;
}

function flagLines(flags: readonly Flag[]): readonly string[] {
  const width = Math.max(...flags.map((flag) => flagSpelling(flag).length));
  return flags.flatMap((flag) => {
    const fallback = flag.default === undefined ? '' : ` (default ${flag.default})`;
    const [first = '', ...rest] = wrap(`${flag.summary}${fallback}`, Math.max(30, WIDTH - width - 5));
    const indent = ' '.repeat(width + 5);
    return [`  ${flagSpelling(flag).padEnd(width)}   ${first}`, ...rest.map((line) => `${indent}${line}`)];
  });
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
