import type { Command, Flag } from '../command.ts';
import { NAMES_OF, commandFlags, globalFlags, groupsOf, isNamed, operandKind, type Vocabulary } from './words.ts';

/** A script for fish. */
export function fishCompletion(vocabulary: Vocabulary): string {
  const { table, commands } = vocabulary;
  const groups = groupsOf(vocabulary);
  const none = '-n "not __fish_seen_subcommand_from $__tare_commands"';
  const lines = [
    '# fish completion for tare: tare completion fish | source',
    ...Object.entries(NAMES_OF).flatMap(([kind, command]) => [`function __tare_${kind}s`, `  ${command}`, 'end']),
    'complete -c tare -f',
    `set -l __tare_commands ${table.map(({ name }) => name).join(' ')}`,
    ...globalFlags().map((flag) => `complete -c tare ${none}${flagPart(flag)}`),
    ...table.map(({ name, summary }) => `complete -c tare ${none} -a ${name} -d ${text(summary)}`),
  ];
  for (const { name, commands: entries } of groups) {
    const words = entries.map((entry) => entry.name).join(' ');
    const seen = `-n "__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${words}"`;
    for (const entry of entries) lines.push(`complete -c tare ${seen} -a ${entry.name} -d ${text(entry.summary)}`);
  }
  const groupNames = groups.map(({ name }) => name).join(' ');
  for (const command of commands) {
    const seen = `-n "${seenCondition(command.name, groupNames)}"`;
    lines.push(...commandFlags(command).map((flag) => `complete -c tare ${seen}${flagPart(flag)}`));
    lines.push(...operandWords(command).map((words) => `complete -c tare ${seen} -a ${words}`));
  }
  return `${lines.join('\n')}\n`;
}

/** A command of a group may be called as one outside of it. */
function seenCondition(name: string, groupNames: string): string {
  const [first = '', second] = name.split(' ');
  if (second !== undefined) return `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
  return `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${groupNames}`;
}

/** What any operand may be; fish is not told which is meant. */
function operandWords(command: Command): readonly string[] {
  const kinds = new Set([operandKind(command, 0), operandKind(command, 1)]);
  return [...kinds].flatMap((kind) => {
    if (kind === undefined || kind === 'none') return [];
    return [isNamed(kind) ? `"(__tare_${kind}s)"` : text(kind.join(' '))];
  });
}

function flagPart(flag: Flag): string {
  const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
  return ` -l ${flag.name}${short}${valuePart(flag)} -d ${text(flag.summary)}`;
}

function valuePart(flag: Flag): string {
  if (flag.type === 'boolean') return '';
  if (flag.completes === 'directory') return ' -x -a "(__fish_complete_directories)"';
  if (flag.completes === 'file') return ' -r -F';
  if (isNamed(flag.completes)) return ` -x -a "(__tare_${flag.completes}s) ${(flag.completesAlso ?? []).join(' ')}"`;
  return flag.completes === undefined ? ' -x' : ` -x -a ${text(flag.completes.join(' '))}`;
}

/** fish's single quotes know two escapes. */
function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
