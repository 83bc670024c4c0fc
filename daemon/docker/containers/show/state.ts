/** What a container is doing, as Docker has it: a word for it, a line about it, and all there is to know. */
import type { ContainerDetail, ContainerSummary, Exit } from '../../../../shared/api/container.ts';
import { parseSignal } from '../../../../shared/signals.ts';
import { goTime, NEVER } from '../../time.ts';
import { exitCodeOfFailure, startFailure } from '../start-words.ts';
import { humanDuration } from './human-duration.ts';

export const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] as const;
export type State = (typeof STATES)[number];

/** Of an end that nobody saw: there is no number for that. */
const UNKNOWN = 255;

export function stateOf({ status, restarting }: Pick<ContainerSummary, 'status' | 'restarting'>): State {
  if (restarting && status === 'stopped') return 'restarting';
  if (status === 'creating') return 'created';
  return status === 'stopped' ? 'exited' : status;
}

export function exitCodeOf(exit: Exit): number {
  if (exit.code !== undefined) return exit.code;
  const signal = exit.signal === undefined ? undefined : parseSignal(exit.signal);
  return signal === undefined ? UNKNOWN : 128 + signal;
}

type Summary = Pick<ContainerSummary, 'status' | 'restarting' | 'startedAt' | 'exit' | 'health'>;

/** "Up 2 seconds (healthy)". `now`: milliseconds since 1970. */
export function statusText(container: Summary, now: number): string {
  const { startedAt, exit, health } = container;
  const since = (moment: string | undefined): string => humanDuration(Math.max(0, now - Date.parse(moment ?? '')));
  const code = exit === undefined ? 0 : exitCodeOf(exit);
  switch (stateOf(container)) {
    case 'running':
      return `Up ${since(startedAt)}${healthText(health)}`;
    case 'paused':
      return `Up ${since(startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${String(code)}) ${since(exit?.at)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return exit === undefined ? 'Created' : `Exited (${String(code)}) ${since(exit.at)} ago`;
  }
}

function healthText(health: ContainerSummary['health']): string {
  if (health === undefined) return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}

/** `State` of inspect. */
export function stateShown(detail: ContainerDetail) {
  const status = stateOf(detail);
  const { exit, failure, healthState: health } = detail;
  const isUp = status === 'running' || status === 'paused' || status === 'restarting';
  return {
    Status: status,
    Running: isUp,
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: exit?.oomKilled === true,
    Dead: status === 'dead',
    Pid: detail.pid ?? 0,
    ExitCode: failure !== undefined ? exitCodeOfFailure(failure) : exit === undefined ? 0 : exitCodeOf(exit),
    Error: failure === undefined ? '' : startFailure(failure),
    StartedAt: goTime(detail.startedAt),
    FinishedAt: exit === undefined ? NEVER : goTime(exit.at),
    ...(health === undefined
      ? {}
      : {
          Health: {
            Status: health.status,
            FailingStreak: health.failingStreak,
            Log: health.probes.map(({ startedAt, endedAt, exitCode, output }) => ({
              Start: goTime(startedAt),
              End: goTime(endedAt),
              ExitCode: exitCode,
              Output: output,
            })),
          },
        }),
  };
}
