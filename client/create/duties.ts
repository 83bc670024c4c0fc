/** What the daemon is to do for a container beside running it: --restart and --health-… */
import type { CreateRequest, RestartPolicy } from '../../shared/api/container.ts';
import type { HealthcheckRequest } from '../../shared/api/health.ts';
import { parseDuration } from '../../shared/units.ts';
import type { Arguments } from '../arguments.ts';
import type { Flag } from '../command.ts';
import { UsageError } from '../errors.ts';

const POLICIES = ['no', 'on-failure', 'always', 'unless-stopped'] as const;
const NS_PER_MS = 1e6;

export const RESTART_FLAG: Flag = {
  name: 'restart',
  type: 'string',
  value: 'POLICY',
  summary: 'start it again when it has ended: no, on-failure[:MOST], always or unless-stopped',
  completes: POLICIES,
};

export const DUTY_FLAGS: readonly Flag[] = [
  { ...RESTART_FLAG, default: 'no' },
  { name: 'health-cmd', type: 'string', value: 'COMMAND', summary: 'a shell command that tells whether it is healthy' },
  { name: 'health-interval', type: 'string', value: 'TIME', summary: 'time between two probes (default 30s)' },
  { name: 'health-timeout', type: 'string', value: 'TIME', summary: 'time that a probe has (default 30s)' },
  {
    name: 'health-retries',
    type: 'integer',
    value: 'NUMBER',
    summary: 'failures in a row that make it unhealthy (default 3)',
  },
  {
    name: 'health-start-period',
    type: 'string',
    value: 'TIME',
    summary: 'time to come up, in which failures do not count',
  },
  {
    name: 'health-start-interval',
    type: 'string',
    value: 'TIME',
    summary: 'time between probes meanwhile (default 5s)',
  },
  { name: 'no-healthcheck', type: 'boolean', summary: "no health check, whatever the image's is" },
  {
    name: 'on-unhealthy',
    type: 'string',
    value: 'WHAT',
    summary: 'what follows when it is unhealthy: none or restart',
    default: 'none',
    completes: ['none', 'restart'],
  },
];

/** Throws UsageError. */
export function dutiesOf(input: Arguments): Pick<CreateRequest, 'restart' | 'healthcheck'> {
  const restart = restartOf(input);
  if (restart !== undefined && restart.name !== 'no' && input.boolean('rm')) {
    throw new UsageError('--restart and --rm exclude each other');
  }
  const healthcheck = healthcheckOf(input);
  return { ...(restart === undefined ? {} : { restart }), ...(healthcheck === undefined ? {} : { healthcheck }) };
}

/** "on-failure:3" */
export function restartOf(input: Arguments): RestartPolicy | undefined {
  const given = input.string('restart');
  if (given === undefined) return undefined;
  const [, word = '', count] = /^([a-z-]+)(?::(\d{1,7}))?$/.exec(given) ?? [];
  const name = POLICIES.find((policy) => policy === word);
  if (name === undefined || (count !== undefined && name !== 'on-failure')) {
    throw new UsageError(`--restart "${given}" is none of no, on-failure[:MOST], always and unless-stopped`);
  }
  return { name, ...(count === undefined ? {} : { maximumRetryCount: Number(count) }) };
}

function healthcheckOf(input: Arguments): HealthcheckRequest | undefined {
  const command = input.string('health-cmd');
  const retries = input.integer('health-retries');
  const onUnhealthy = input.string('on-unhealthy');
  if (onUnhealthy !== undefined && onUnhealthy !== 'none' && onUnhealthy !== 'restart') {
    throw new UsageError(`--on-unhealthy "${onUnhealthy}" is neither none nor restart`);
  }
  const asked: HealthcheckRequest = {
    ...(command === undefined || command === '' ? {} : { test: ['CMD-SHELL', command] }),
    ...time(input, 'health-interval', 'interval'),
    ...time(input, 'health-timeout', 'timeout'),
    ...time(input, 'health-start-period', 'startPeriod'),
    ...time(input, 'health-start-interval', 'startInterval'),
    ...(retries === undefined ? {} : { retries }),
    ...(onUnhealthy === undefined ? {} : { onUnhealthy }),
  };
  const isAsked = Object.keys(asked).length > 0;
  if (!input.boolean('no-healthcheck')) return isAsked ? asked : undefined;
  if (isAsked) throw new UsageError('--no-healthcheck excludes --health-… and --on-unhealthy');
  return { test: ['NONE'] };
}

/** Nanoseconds. */
function time(input: Arguments, flag: string, property: string): Record<string, number> {
  const given = input.string(flag);
  if (given === undefined) return {};
  try {
    return { [property]: Math.round(parseDuration(given) * NS_PER_MS) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--${flag}: ${error.message}`);
  }
}
