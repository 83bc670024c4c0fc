/** What the status channel says about the end of a process, as an exit code. */
import { EXIT_CODE_CAUSE, type StreamStatus } from '../../shared/streams.ts';
import { CliError, ConnectionLostError, EXIT, messageOf } from '../errors.ts';

/** Throws CliError where the process did not simply exit. */
export function exitCodeOfStatus(text: string): number {
  const status = parseStatus(text);
  if (status.status === 'Success') return 0;
  if (status.reason === 'NonZeroExitCode') {
    const cause = status.details?.causes.find((candidate) => candidate.reason === EXIT_CODE_CAUSE);
    const code = Number(cause?.message);
    if (!Number.isInteger(code)) throw new ConnectionLostError('the daemon sent an exit status without a code');
    return code;
  }
  const message = status.message ?? '';
  if (status.reason === 'UnknownExit') {
    throw new CliError(message === '' ? 'the process ended while nobody could see how' : message, {
      exitCode: EXIT.engine,
    });
  }
  if (status.reason === 'Detached') {
    const why = message === '' ? 'the daemon ended the session; the process may still run' : message;
    throw new CliError(why, { exitCode: EXIT.engine });
  }
  throw new CliError(message === '' ? `the process failed: ${status.reason ?? 'no reason given'}` : message, {
    exitCode: EXIT.engine,
  });
}

function parseStatus(text: string): StreamStatus {
  try {
    return JSON.parse(text) as StreamStatus;
  } catch (error) {
    throw new ConnectionLostError(`the daemon sent a malformed status: ${messageOf(error)}`, error);
  }
}
