/** What dockerd says of programs that cannot be started; its CLI reads its exit codes 126 and 127 from these words. */
import { EngineError } from '../../engine/errors.ts';

const BEGINNING = 'OCI runtime exec failed: exec failed: unable to start container process: ';

export function execFailure(error: unknown, command: readonly string[]): string | undefined {
  if (!(error instanceof EngineError)) return undefined;
  const program = JSON.stringify(command[0] ?? '');
  if (error.code === 'command_not_found') {
    const isPath = command[0]?.includes('/') === true;
    const why = isPath ? `stat ${command[0] ?? ''}: no such file or directory` : 'executable file not found in $PATH';
    return `${BEGINNING}exec: ${program}: ${why}: unknown`;
  }
  if (error.code === 'command_not_executable') return `${BEGINNING}exec: ${program}: permission denied: unknown`;
  if (error.code === 'launch_failed') {
    return `${BEGINNING}${launchWords(error.message)}: unknown`;
  }
  return undefined;
}

/** "change directory to /x: no such file or directory: ENOENT in chdir" */
function launchWords(message: string): string {
  const rest = message.replace(/^cannot start exec [0-9a-f]+: /, '');
  const [, directory, why] = /^change directory to (.*): ([a-z ]+): E[A-Z]+ in chdir$/s.exec(rest) ?? [];
  if (directory === undefined || why === undefined) return rest;
  return `chdir to cwd (${JSON.stringify(directory)}) set in config.json failed: ${why}`;
}
