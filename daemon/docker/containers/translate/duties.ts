/** What the daemon does for a container while nobody looks: restarts it, checks its health, keeps its log. */
import type { CreateRequest, RestartPolicy } from '../../../../shared/api/container.ts';
import type { HealthcheckRequest } from '../../../../shared/api/health.ts';
import { RESTART_POLICIES } from '../../../../shared/api/container.ts';
import { parseBytes } from '../../../../shared/units.ts';
import type { CreateBody, HostConfig } from './create-body.ts';
import { plain, refuse } from './refuse.ts';

type Parts = Partial<CreateRequest>;

const MILLISECOND = 1_000_000;
const RETRIES_MAX = 1_000_000;

/** Undefined: none is asked for. Throws DockerError 400. */
export function restartOf({ RestartPolicy: policy, AutoRemove: autoRemove }: HostConfig): RestartPolicy | undefined {
  const { Name: given = '', MaximumRetryCount: count = 0 } = policy ?? {};
  const name = RESTART_POLICIES.find((known) => known === (given === '' ? 'no' : given));
  if (name === undefined) refuse(`invalid restart policy '${plain(given)}'`);
  if (count < 0) refuse('maximum retry count cannot be negative');
  if (count > 0 && name !== 'on-failure') {
    refuse(`maximum retry count cannot be used with restart policy '${name}'`);
  }
  if (autoRemove === true && name !== 'no') refuse("can't create 'AutoRemove' container with restart policy");
  if (policy === undefined || given === '') return undefined;
  return { name, ...(count === 0 ? {} : { maximumRetryCount: Math.min(count, RETRIES_MAX) }) };
}

/** Undefined: as the image has it. Throws DockerError 400. */
export function healthcheckOf(body: CreateBody): HealthcheckRequest | undefined {
  const { Healthcheck: asked } = body;
  if (asked === undefined) return undefined;
  const { Test: test = [], Interval, Timeout, StartPeriod, StartInterval, Retries: retries } = asked;
  const [kind] = test;
  if (kind !== undefined && !['NONE', 'CMD', 'CMD-SHELL'].includes(kind)) {
    refuse(`Unknown healthcheck type '${plain(kind)}' (expected 'CMD') in container's healthcheck`);
  }
  const times = { Interval, Timeout, StartPeriod, StartInterval };
  for (const [name, time] of Object.entries(times)) {
    if (time !== undefined && time !== 0 && time < MILLISECOND)
      refuse(`${name} in Healthcheck cannot be less than 1ms`);
  }
  if (retries !== undefined && retries < 0) refuse('Retries in Healthcheck cannot be negative');
  const given = <K extends string>(field: K, value: number | undefined): Partial<Record<K, number>> =>
    value === undefined || value === 0 ? {} : ({ [field]: value } as Record<K, number>);
  const [, line = ''] = test;
  const shell = body.Shell ?? [];
  const words = kind === 'CMD-SHELL' && shell.length > 0 ? ['CMD', ...shell, line] : [...test];
  return {
    ...(words.length === 0 ? {} : { test: words }),
    ...given('interval', Interval),
    ...given('timeout', Timeout),
    ...given('startPeriod', StartPeriod),
    ...given('startInterval', StartInterval),
    ...given('retries', retries === undefined ? undefined : Math.min(retries, RETRIES_MAX)),
  };
}

/** Options of json-file and local, and whether they do something here. */
const LOG_OPTIONS: ReadonlyMap<string, boolean> = new Map([
  ['max-size', true],
  ['max-file', true],
  ['compress', false],
  ['labels', false],
  ['labels-regex', false],
  ['env', false],
  ['env-regex', false],
  ['tag', false],
  ['mode', false],
  ['max-buffer-size', false],
]);
/** What they do may be left undone without a word: each is what happens anyway, or makes nobody's log less. */
const QUIET: ReadonlySet<string> = new Set(['mode', 'max-buffer-size']);
/** Docker's other drivers, all of which send the log elsewhere. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'awslogs',
  'etwlogs',
  'fluentd',
  'gcplogs',
  'gelf',
  'journald',
  'splunk',
  'syslog',
]);

/** "local" has a format that only Docker reads: here it is a json-file, read by the same requests. */
export function logOf({ LogConfig: config }: HostConfig, warnings: string[]): NonNullable<Parts['log']> {
  const { Type: type = '', Config: options = {} } = config ?? {};
  if (type === 'none') return { driver: 'none' };
  if (ELSEWHERE.has(type)) refuse(`logging driver "${type}" is not there: json-file, local and none are`);
  if (type !== '' && type !== 'json-file' && type !== 'local') {
    refuse(`error looking up logging plugin ${plain(type)}: plugin "${plain(type)}" not found`);
  }
  const driver = type === '' ? 'json-file' : type;
  for (const [name, value] of Object.entries(options)) {
    const isHeeded = LOG_OPTIONS.get(name);
    if (isHeeded === undefined) refuse(`unknown log opt '${plain(name)}' for ${driver} log driver`);
    const isOff = value === '' || value === 'false';
    if (!isHeeded && !isOff && !QUIET.has(name)) warnings.push(`log opt '${name}' has no effect here`);
  }
  return { driver: 'json-file', ...sizeOf(options, driver) };
}

function sizeOf(
  options: Readonly<Record<string, string>>,
  driver: string,
): Pick<NonNullable<Parts['log']>, 'maxSize' | 'maxFiles'> {
  const size = options['max-size'];
  const files = options['max-file'];
  return {
    ...(size === undefined || size === '' ? {} : { maxSize: size === '-1' ? 0 : bytes(size, driver) }),
    ...(files === undefined || files === '' ? {} : { maxFiles: count(files) }),
  };
}

function bytes(text: string, driver: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refuse(`invalid value '${plain(text)}' of max-size for ${driver} log driver`);
  }
}

function count(text: string): number {
  if (/^[0-9]{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= 1000) return Number(text);
  return refuse(`max-file cannot be '${plain(text)}': it is a number from 1 to 1000`);
}
