/** What the completion scripts of all shells are made of. */
import type { Command, Flag } from '../command.ts';
import { GLOBAL_FLAGS, shownFlags } from '../help.ts';

/** Every spelling of the shown flags: "--memory", "-m". */
export function spellings(flags: readonly Flag[]): readonly string[] {
  return flags.flatMap((flag) =>
    flag.short === undefined ? [`--${flag.name}`] : [`--${flag.name}`, `-${flag.short}`],
  );
}

export function commandFlags(command: Command): readonly Flag[] {
  return [...shownFlags(command.flags), { name: 'help', type: 'boolean', summary: 'print this help' }];
}

export function globalFlags(): readonly Flag[] {
  return shownFlags(GLOBAL_FLAGS);
}

/** The flags of all commands that take a value, which a shell has to step over. */
export function takesValue(flags: readonly Flag[]): readonly Flag[] {
  return flags.filter((flag) => flag.type !== 'boolean');
}

/** Text inside single quotes of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
