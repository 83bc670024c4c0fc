/** What a command of the CLI is: its flags and operands as one table entry, from which parser, help, completion and docs come. */
import type { Arguments } from './arguments.ts';
import type { Daemon } from './http/daemon.ts';

/** What the daemon knows by name; "object" is a container or an image. */
export type Named = 'container' | 'image' | 'network' | 'volume' | 'object';

export type FlagType = 'boolean' | 'string' | 'list' | 'integer' | 'number';

export interface Flag {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly type: FlagType;
  /** What the value is called in help: "DIR", "SIGNAL". */
  readonly value?: string;
  readonly summary: string;
  /** Shown in help; the daemon or the command applies it. */
  readonly default?: string;
  /** Other long names that mean the same, not shown. */
  readonly aliases?: readonly string[];
  /** Known from docker and refused by name, with this reason. Not shown. */
  readonly refused?: string;
  /** What completion offers for the value. */
  readonly completes?: 'file' | 'directory' | Named | readonly string[];
  /** Words that stand beside what the daemon knows. */
  readonly completesAlso?: readonly string[];
}

export interface Context {
  readonly daemon: Daemon;
  readonly environment: NodeJS.ProcessEnv;
  /** The others, for those that speak of them. */
  readonly table: readonly TableEntry[];
  /** All of the table, those of groups among them. */
  commands(): Promise<readonly Command[]>;
}

export interface Command {
  /** As it is typed: "run", "network create". */
  readonly name: string;
  /** What follows `tare NAME` in the usage line. */
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** Further paragraphs of the help. */
  readonly notes?: readonly string[];
  readonly flags: readonly Flag[];
  /** How many operands; `max` absent is any number. */
  readonly operands: { readonly min: number; readonly max?: number };
  /** False (docker's run, create, exec): the first operand ends the flags. */
  readonly interspersed: boolean;
  /** What operands are, for completion. */
  readonly completes?: Named | 'none' | readonly string[];
  /** What further operands are, where they are something else than the first. */
  readonly completesRest?: Named | 'none';
  /** It is another command in a group: that one's name. */
  readonly twinOf?: string;
  /** Exit code where the command line is wrong or the daemon refuses. */
  readonly failureCode: number;
  /** Resolves to the exit code. */
  run(input: Arguments, context: Context): Promise<number>;
}

/** An entry of the command table: enough for the overview without loading the command. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Other words for it, not shown. */
  readonly aliases?: readonly string[];
  load(): Promise<Command>;
}

/** Commands behind a word of their own: "tare network create". */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandEntry[];
}

/** A command under a further name, in a group: "image pull" is "pull". */
export function twin(name: string, summary: string, load: () => Promise<Command>): CommandEntry {
  return {
    name: name.slice(name.indexOf(' ') + 1),
    summary,
    load: async () => {
      const command = await load();
      return { ...command, name, summary, twinOf: command.name };
    },
  };
}

export type TableEntry = CommandEntry | CommandGroup;

export function isGroup(entry: TableEntry): entry is CommandGroup {
  return 'commands' in entry;
}
