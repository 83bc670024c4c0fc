/** Signals that reach `tare` are passed on to the container, as docker does for sessions without a terminal. */
import { constants } from 'node:os';
import { EXIT } from '../errors.ts';

/** All but those that concern this process alone (CHLD, PIPE, TSTP, TTIN, TTOU, CONT, WINCH, URG) and that Node needs. */
export const PROXIED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const;

export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

const INSISTING = 3;

/**
 * `pass` sends the signal on. Who insists, with three SIGINT or SIGTERM, gets `giveUp`. Returns what stops it.
 */
export function proxySignals(pass: (signal: NodeJS.Signals) => void, giveUp: (exitCode: number) => void): () => void {
  let asked = 0;
  const listener = (signal: NodeJS.Signals): void => {
    pass(signal);
    if (signal !== 'SIGINT' && signal !== 'SIGTERM') return;
    asked += 1;
    if (asked === INSISTING) giveUp(EXIT.engine);
  };
  for (const signal of PROXIED) process.on(signal, listener);
  return () => {
    for (const signal of PROXIED) process.off(signal, listener);
  };
}

/** Signals that end this process end it in order: `leave` restores the terminal first. Returns what stops it. */
export function leaveOnSignals(leave: (exitCode: number) => void): () => void {
  const signals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;
  const listener = (signal: NodeJS.Signals): void => {
    leave(exitCodeOfSignal(signal));
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
