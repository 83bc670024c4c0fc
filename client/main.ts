/** The command line `tare`: finds the command, runs it, tells what went wrong. */
import { operandsExpected } from '../shared/command-line/given.ts';
import { parseArguments } from './arguments.ts';
import { isGroup, type Command } from './command.ts';
import { COMMANDS, loadCommands } from './commands/table.ts';
import { CliError, EXIT, UsageError } from './errors.ts';
import { findEntry } from './find.ts';
import { GLOBAL_FLAGS, HELP_FLAG, commandHelp, groupHelp, overview } from './help.ts';
import { DEFAULT_HOST, Daemon } from './http/daemon.ts';
import { BROKEN_PIPE, flush, print } from './output.ts';
import { report } from './targets.ts';
import { CLIENT_VERSION } from './version.ts';

interface Call {
  readonly command: Command | undefined;
  readonly words: readonly string[];
  readonly host: string;
}

/** Resolves to the exit code; everything a user should read has been written by then. */
async function main(words: readonly string[]): Promise<number> {
  let failureCode: number = EXIT.failure;
  let daemon: Daemon | undefined;
  try {
    const call = await readCall(words);
    const { command } = call;
    if (command === undefined) return 0;
    failureCode = command.failureCode;
    if (wantsHelp(command, call.words)) {
      print(commandHelp(command));
      return 0;
    }
    const input = parseArguments(call.words, command.flags, command.interspersed);
    checkOperands(command, input.operands);
    daemon = new Daemon(call.host);
    return await command.run(input, { daemon, environment: process.env, table: COMMANDS, commands: loadCommands });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    report(error);
    return error.exitCode ?? failureCode;
  } finally {
    daemon?.close();
  }
}

/** Reads what stands before the command. Without a command to run it has done what was asked. */
async function readCall(words: readonly string[]): Promise<Call> {
  const input = parseArguments(words, GLOBAL_FLAGS, false);
  const host = input.string('host') ?? hostOf(process.env) ?? DEFAULT_HOST;
  const [name, ...rest] = input.operands;
  if (input.boolean('version')) print(`tare version ${CLIENT_VERSION}\n`);
  else if (name === undefined || input.boolean('help') || (name === 'help' && rest.length === 0))
    print(overview(COMMANDS));
  else {
    const wanted = name === 'help' ? rest : input.operands;
    const { entry, words: own } = findEntry(wanted, COMMANDS);
    if (isGroup(entry)) print(groupHelp(entry));
    else if (name === 'help') print(commandHelp(await entry.load()));
    else return { command: await entry.load(), words: own, host };
  }
  return { command: undefined, words: [], host };
}

/** Empty is as good as unset. */
function hostOf({ TARE_HOST: host }: NodeJS.ProcessEnv): string | undefined {
  return host === '' ? undefined : host;
}

/** `--help` among the command's own flags; behind the first operand of `run` and `exec` it belongs to the program. */
function wantsHelp(command: Command, words: readonly string[]): boolean {
  if (!words.includes('--help')) return false;
  try {
    return parseArguments(words, [...command.flags, HELP_FLAG], command.interspersed).boolean('help');
  } catch (error) {
    if (error instanceof UsageError) return true;
    throw error;
  }
}

function checkOperands(command: Command, operands: readonly string[]): void {
  const expected = operandsExpected(command.operands, operands.length);
  if (expected === undefined) return;
  throw new UsageError(`"tare ${command.name}" takes ${expected}`, {
    hint: `Usage:  tare ${command.name} ${command.usage}`,
  });
}

/** What nobody caught: a reader that has gone ends us without a word, anything else is a mistake of ours. */
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
  process.stderr.write(`tare: internal error: ${error.stack ?? error.message}\n`);
  process.exit(EXIT.engine);
});

void main(process.argv.slice(2)).then(async (code) => {
  await flush();
  process.exit(code);
});
