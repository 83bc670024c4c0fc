import type { Command, Flag } from '../command.ts';
import { commandFlags, globalFlags } from './words.ts';

/** A script for fish. */
export function fishCompletion(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = [
    '# fish completion for tare: tare completion fish | source',
    'function __tare_containers',
    "  tare ps --all --format '{{.Names}}' 2>/dev/null",
    'end',
    'complete -c tare -f',
    `set -l __tare_commands ${names}`,
    ...globalFlags().map(
      (flag) => `complete -c tare -n "not __fish_seen_subcommand_from $__tare_commands"${flagPart(flag)}`,
    ),
  ];
  for (const command of commands) {
    const seen = `-n "__fish_seen_subcommand_from ${command.name}"`;
    lines.push(
      `complete -c tare -n "not __fish_seen_subcommand_from $__tare_commands" -a ${command.name} -d ${text(command.summary)}`,
      ...commandFlags(command).map((flag) => `complete -c tare ${seen}${flagPart(flag)}`),
    );
    const { completes } = command;
    if (completes === 'container') lines.push(`complete -c tare ${seen} -a "(__tare_containers)"`);
    else if (Array.isArray(completes))
      lines.push(`complete -c tare ${seen} -a ${text((completes as readonly string[]).join(' '))}`);
  }
  return `${lines.join('\n')}\n`;
}

function flagPart(flag: Flag): string {
  const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
  return ` -l ${flag.name}${short}${valuePart(flag)} -d ${text(flag.summary)}`;
}

function valuePart(flag: Flag): string {
  if (flag.type === 'boolean') return '';
  if (flag.completes === 'directory') return ' -x -a "(__fish_complete_directories)"';
  if (flag.completes === 'file') return ' -r -F';
  if (flag.completes === 'container') return ' -x -a "(__tare_containers)"';
  return flag.completes === undefined ? ' -x' : ` -x -a ${text(flag.completes.join(' '))}`;
}

/** fish's single quotes know two escapes. */
function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
