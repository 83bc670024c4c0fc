/** What a command of tare-oci is: its flags and operands as one table entry, from which parser and help come. */
import type { Arguments } from './arguments.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';

export type FlagType = 'boolean' | 'string' | 'list' | 'integer';

export interface Flag {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly type: FlagType;
  /** What the value is called in help: "DIR", "SIGNAL". */
  readonly value?: string;
  readonly summary: string;
  /** Shown in help; the command applies it. */
  readonly default?: string;
  /** Other long names that mean the same, not shown. */
  readonly aliases?: readonly string[];
  /** What a string may be; anything else is refused. */
  readonly choices?: readonly string[];
  /** Known from runc or crun and refused by name, with this reason. Not shown. */
  readonly refused?: string;
  /** Taken without effect, which a warning tells with this reason. Not shown. */
  readonly ignored?: string;
}

/** What stands before the command, and what is made from it once. */
export interface Context {
  /** Where containers' states are, absolute: `--root`. */
  readonly root: string;
  readonly log: Log;
  readonly debug: boolean;
  /** Control groups through systemd were asked for: `--systemd-cgroup`. */
  readonly systemdCgroup: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly runtime: Runtime;
  /** The caller's standard streams, to write results to. */
  readonly print: (text: string) => void;
}

export interface Command {
  readonly name: string;
  /** What follows `tare-oci NAME` in the usage line. */
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** Further paragraphs of the help. */
  readonly notes?: readonly string[];
  readonly flags: readonly Flag[];
  /** How many operands; `max` absent is any number. */
  readonly operands: { readonly min: number; readonly max?: number };
  /** False (exec): the first operand ends the flags. */
  readonly interspersed: boolean;
  /** The exit code. Throws OciError (errors.ts), SpecError, CgroupError or the system's own error; main tells it and ends with 1. */
  run(input: Arguments, context: Context): Promise<number> | number;
}

/** An entry of the command table: enough for the overview without loading the command. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}
