/** Which health check a container has: its image's, with what was asked for in its place, field by field, as Docker has it. */
import type { HealthcheckRequest } from '../../../shared/api/health.ts';
import type { Healthcheck as ImageHealthcheck } from '../../images/manifest/image-config.ts';
import { EngineError } from '../errors.ts';
import type { Healthcheck } from './state.ts';

const NS_PER_MS = 1e6;
const NS_PER_S = 1e9;

/** Nanoseconds. */
const DEFAULTS = { interval: 30 * NS_PER_S, timeout: 30 * NS_PER_S, startPeriod: 0, startInterval: 5 * NS_PER_S };
const DEFAULT_RETRIES = 3;

const TIMES = ['interval', 'timeout', 'startPeriod', 'startInterval'] as const;

/** Without the fields that nobody has said anything of: 0 and [] say nothing. */
export function mergeHealthcheck(
  request: HealthcheckRequest | undefined,
  image: ImageHealthcheck | undefined,
): ImageHealthcheck | undefined {
  if (request === undefined) return image;
  const merged: { -readonly [K in keyof ImageHealthcheck]: ImageHealthcheck[K] } = { ...image };
  if ((request.test ?? []).length > 0) merged.test = request.test ?? [];
  for (const field of [...TIMES, 'retries'] as const) {
    const asked = request[field] ?? 0;
    if (asked !== 0) merged[field] = asked;
  }
  return merged;
}

export interface InForce {
  /** null: there is none. */
  readonly healthcheck: Healthcheck | null;
  readonly warnings: readonly string[];
}

/** Throws `invalid_field`. What is wrong with an image's is told as a warning: its containers run without. */
export function healthcheckInForce(
  request: HealthcheckRequest | undefined,
  image: ImageHealthcheck | undefined,
): InForce {
  checkTimes(request ?? {});
  const { test = [], ...rest } = mergeHealthcheck(request, image) ?? {};
  const [kind, ...words] = test;
  if (kind === undefined || kind === 'NONE') return { healthcheck: null, warnings: [] };
  if ((kind !== 'CMD' && kind !== 'CMD-SHELL') || words.length === 0) {
    const problem = `healthcheck.test: is not ["NONE"], ["CMD", …] or ["CMD-SHELL", command]`;
    if ((request?.test ?? []).length > 0)
      throw new EngineError('invalid_field', problem, { field: 'healthcheck.test' });
    return { healthcheck: null, warnings: [`the image's ${problem}: there is no health check`] };
  }
  const time = (name: (typeof TIMES)[number]): number => {
    const given = rest[name] ?? 0;
    return given === 0 ? DEFAULTS[name] : Math.max(given, NS_PER_MS);
  };
  const [interval, timeout, startPeriod, startInterval] = TIMES.map(time) as [number, number, number, number];
  const retries = rest.retries === undefined || rest.retries === 0 ? DEFAULT_RETRIES : rest.retries;
  const onUnhealthy = request?.onUnhealthy ?? 'none';
  const healthcheck = { test: [...test], interval, timeout, startPeriod, startInterval, retries, onUnhealthy };
  return { healthcheck, warnings: [] };
}

function checkTimes(request: HealthcheckRequest): void {
  for (const name of TIMES) {
    const given = request[name];
    if (given === undefined || given === 0 || given >= NS_PER_MS) continue;
    const field = `healthcheck.${name}`;
    throw new EngineError('invalid_field', `${field}: cannot be less than 1ms`, { field });
  }
}
