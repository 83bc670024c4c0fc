/** From the words of the command line to a command and its exit code; tells what went wrong. */
import { operandsExpected } from '../shared/command-line/given.ts';
import { resolve } from 'node:path';
import { parseArguments, type Arguments } from './arguments.ts';
import type { Command, CommandEntry, Context } from './command.ts';
import { checkRoot } from './container/root.ts';
import { FAILURE, OciError, UsageError, textOf, messageOf } from './errors.ts';
import { DEFAULT_ROOT, GLOBAL_FLAGS, HELP_FLAG, commandHelp, overview } from './help.ts';
import { openLog, type LogFormat, type OpenLog } from './log.ts';
import { versionText } from './version.ts';

/** Commands of runc's that are known and not there. */
const REFUSED: Readonly<Record<string, string>> = {
  checkpoint: 'tare-oci takes no checkpoints',
  restore: 'tare-oci takes no checkpoints, so it restores none',
};

/** The flags before the command. Their table: help.ts. */
export type Globals = Pick<Context, 'root' | 'log' | 'debug' | 'systemdCgroup'>;

/** The parts of a Context that the command line does not say. */
export type Surroundings = Omit<Context, keyof Globals>;

/** Resolves to the exit code; everything a user should read has been written by then. */
export async function dispatch(
  words: readonly string[],
  entries: readonly CommandEntry[],
  surroundings: Surroundings,
): Promise<number> {
  // What is wrong before there is a log goes to stderr alone.
  let log = openLog({ file: undefined, format: 'text', debug: false });
  try {
    const globals = parseArguments(words, GLOBAL_FLAGS, false);
    const [name, ...rest] = globals.operands;
    log = openLogOf(globals);
    const { print } = surroundings;
    if (globals.boolean('version')) print(versionText());
    else if (globals.boolean('help') || name === undefined) print(overview(entries));
    else if (name === 'help')
      print(rest[0] === undefined ? overview(entries) : commandHelp(await find(rest[0], entries)));
    else {
      const command = await find(name, entries);
      const systemdCgroup = globals.boolean('systemd-cgroup');
      const root = resolve(globals.string('root') ?? DEFAULT_ROOT);
      checkRoot(root);
      return await run(command, rest, { ...surroundings, root, log, debug: globals.boolean('debug'), systemdCgroup });
    }
    return 0;
  } catch (error) {
    return tell(error, log);
  } finally {
    log.close();
  }
}

/** The error's own exit code, once it is told: its line, and with `--debug` where it comes from. */
function tell(error: unknown, log: OpenLog): number {
  for (let cause = error; cause instanceof Error; cause = cause.cause) log.debug(cause.stack ?? cause.message);
  log.error(textOf(error));
  return error instanceof OciError ? error.exitCode : FAILURE;
}

function openLogOf(globals: Arguments): OpenLog {
  const path = globals.string('log') ?? '';
  const format = (globals.string('log-format') ?? 'text') as LogFormat;
  const file = path === '' || path === '/dev/stderr' ? undefined : resolve(path);
  try {
    return openLog({ file, format, debug: globals.boolean('debug') });
  } catch (error) {
    throw new OciError(`the log ${path} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

async function run(command: Command, words: readonly string[], context: Context): Promise<number> {
  const input = parseOf(command, words);
  if (input.boolean('help')) {
    context.print(commandHelp(command));
    return 0;
  }
  for (const flag of input.ignored()) context.log.warning(`--${flag.name} is ignored: ${flag.ignored ?? ''}`);
  checkOperands(command, input.operands);
  if (context.systemdCgroup) {
    throw new UsageError(
      '--systemd-cgroup is not supported: control groups are made in the file system, not by systemd',
    );
  }
  return await command.run(input, context);
}

function parseOf(command: Command, words: readonly string[]): Arguments {
  try {
    return parseArguments(words, [...command.flags, HELP_FLAG], command.interspersed);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${command.name}: ${error.message}`, { cause: error, hint: hintOf(error, command) });
  }
}

/** `tare-oci state --root DIR` is a frequent slip. */
function hintOf(error: UsageError, command: Command): string {
  const name = /^unknown flag --?(.+)$/.exec(error.message)?.[1];
  return GLOBAL_FLAGS.some((flag) => flag.name === name)
    ? `it stands before the command: tare-oci --${name ?? ''} … ${command.name}`
    : `see tare-oci ${command.name} --help`;
}

function find(name: string, entries: readonly CommandEntry[]): Promise<Command> {
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry.load();
  const refusal = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
  if (refusal !== undefined) throw new UsageError(`${name} is not supported: ${refusal}`);
  throw new UsageError(`"${name}" is not a command`, { hint: 'tare-oci --help lists the commands' });
}

function checkOperands(command: Command, operands: readonly string[]): void {
  const expected = operandsExpected(command.operands, operands.length);
  if (expected === undefined) return;
  throw new UsageError(`${command.name} takes ${expected}, not ${String(operands.length)}`, {
    hint: `usage: tare-oci ${command.name} ${command.usage}`,
  });
}
