/** What the completion scripts of all shells are made of. */
import { isGroup, type Command, type CommandGroup, type Flag, type Named, type TableEntry } from '../command.ts';
import { GLOBAL_FLAGS, HELP_FLAG, shownFlags } from '../help.ts';

const CONTAINERS = "tare ps --all --format '{{.Names}}' 2>/dev/null";
const IMAGES = "tare images --filter dangling=false --format '{{.Repository}}:{{.Tag}}' 2>/dev/null";

/** What the daemon is asked for its names. */
export const NAMES_OF: Readonly<Record<Named, string>> = {
  container: CONTAINERS,
  image: IMAGES,
  network: "tare network ls --format '{{.Name}}' 2>/dev/null",
  volume: 'tare volume ls --quiet 2>/dev/null',
  object: `${CONTAINERS}; ${IMAGES}`,
};

export function isNamed(kind: Command['completes'] | Flag['completes']): kind is Named {
  return typeof kind === 'string' && Object.hasOwn(NAMES_OF, kind);
}

export interface Vocabulary {
  readonly table: readonly TableEntry[];
  /** All of the table; those of a group have names that begin with its own. */
  readonly commands: readonly Command[];
}

export function groupsOf({ table }: Vocabulary): readonly CommandGroup[] {
  return table.filter((entry) => isGroup(entry));
}

/** Every spelling of the shown flags: "--memory", "-m". */
export function spellings(flags: readonly Flag[]): readonly string[] {
  return flags.flatMap((flag) =>
    flag.short === undefined ? [`--${flag.name}`] : [`--${flag.name}`, `-${flag.short}`],
  );
}

export function commandFlags(command: Command): readonly Flag[] {
  return [...shownFlags(command.flags), HELP_FLAG];
}

export function globalFlags(): readonly Flag[] {
  return shownFlags(GLOBAL_FLAGS);
}

/** The flags of all commands that take a value, which a shell has to step over. */
export function takesValue(flags: readonly Flag[]): readonly Flag[] {
  return flags.filter((flag) => flag.type !== 'boolean');
}

/** What stands for the operand `place`, counted from 0, of a command. */
export function operandKind(command: Command, place: number): Command['completes'] {
  return place === 0 ? command.completes : (command.completesRest ?? command.completes);
}

/** Text inside single quotes of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
