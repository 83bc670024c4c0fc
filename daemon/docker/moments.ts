/**
 * Moments as Docker's clients give them: RFC 3339 with or without a zone, its beginning, seconds since 1970 with a
 * fraction, or a Go duration before now ("24h", "1h30m"). moby's timetypes.GetTimestamp.
 */
import { DockerError } from './error.ts';

const UNITS: Readonly<Record<string, number>> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, µs: 1e3, ns: 1 };
const DURATION = /^(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s|us|µs|ns))+$/;
const PART = /([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|us|µs|ns)/g;
const SECONDS = /^([0-9]{1,12})(?:\.([0-9]{1,9})[0-9]*)?$/;
const DATE =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,9})?)?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?$/;

/** As the engine takes them: seconds since 1970 with nine decimals. Throws DockerError 400. */
export function momentOf(text: string, name: string): string {
  const [, seconds, fraction = ''] = SECONDS.exec(text) ?? [];
  if (seconds !== undefined) return `${seconds}.${fraction.padEnd(9, '0')}`;
  if (DURATION.test(text)) return secondsText(BigInt(Date.now()) * 1_000_000n - durationNs(text));
  const [, day, hours = '00', minutes = '00', rest = '00', decimals = '', zone = 'Z'] = DATE.exec(text) ?? [];
  const ms = day === undefined ? NaN : Date.parse(`${day}T${hours}:${minutes}:${rest}${zone}`);
  if (Number.isNaN(ms) || ms < 0) {
    throw new DockerError(400, `invalid value for "${name}": ${JSON.stringify(text.slice(0, 64))} is not a time`);
  }
  return secondsText(BigInt(ms) * 1_000_000n + BigInt(decimals.slice(1).padEnd(9, '0')));
}

/** Nanoseconds of a Go duration. */
function durationNs(text: string): bigint {
  let sum = 0;
  for (const [, number = '0', unit = 's'] of text.matchAll(PART)) sum += Number(number) * (UNITS[unit] ?? 0);
  return BigInt(Math.min(Math.round(sum), Number.MAX_SAFE_INTEGER));
}

function secondsText(ns: bigint): string {
  const positive = ns < 0n ? 0n : ns;
  return `${String(positive / 1_000_000_000n)}.${String(positive % 1_000_000_000n).padStart(9, '0')}`;
}
