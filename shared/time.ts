/** Points in time as the API, the logs and the registry write them: RFC 3339, UTC, nanoseconds. */

/** A text that is no point in time; `message` says what is expected. */
export class InvalidTime extends Error {
  override name = 'InvalidTime';
}

const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** 0000-01-01T00:00:00Z and the first instant after 9999: what four digits of a year can say. */
const EARLIEST = -62_167_219_200n * NS_PER_SECOND;
const LATEST = 253_402_300_800n * NS_PER_SECOND;
/** How far the two clocks of nowNs may be apart before the wall clock must have been set anew, in ms. */
const CLOCK_TOLERANCE = 5;

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
const SECONDS = /^(\d{1,12})(?:\.(\d{1,9}))?$/;

/** `formatTime(1n)` is "1970-01-01T00:00:00.000000001Z". Nanoseconds since 1970; throws InvalidTime outside years 0–9999. */
export function formatTime(ns: bigint): string {
  if (ns < EARLIEST || ns >= LATEST) throw new InvalidTime(`${String(ns)} ns since 1970 has no four-digit year`);
  const within = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  const date = new Date(Number((ns - within) / NS_PER_MS));
  return `${date.toISOString().slice(0, 19)}.${String(within).padStart(9, '0')}Z`;
}

/** Nanoseconds since 1970, to about a microsecond. */
export function nowNs(): bigint {
  const wall = Date.now();
  // the finer clock goes on from where the wall clock stood at start: it misses a wall clock set anew, or a suspend
  const fine = performance.timeOrigin + performance.now();
  if (Math.abs(fine - wall) > CLOCK_TOLERANCE) return BigInt(wall) * NS_PER_MS;
  const whole = Math.floor(fine);
  return BigInt(whole) * NS_PER_MS + BigInt(Math.floor((fine - whole) * 1e6));
}

/** Now, as the API writes it. */
export function nowTimestamp(): string {
  return formatTime(nowNs());
}

/**
 * RFC 3339 ("2026-03-01T12:00:00.5+01:00", a blank in place of T is taken too), or seconds since 1970 with up to
 * nine decimals ("1772366400.25"). Returns nanoseconds since 1970; throws InvalidTime.
 */
export function parseTime(text: string): bigint {
  const seconds = SECONDS.exec(text);
  if (seconds !== null) return within(BigInt(seconds[1] ?? '') * NS_PER_SECOND + fraction(seconds[2]), text);
  const match = RFC3339.exec(text);
  if (match === null) throw new InvalidTime(`"${text}" is neither RFC 3339 nor seconds since 1970`);
  const [, year, month, day, hour, minute, second, decimals, sign, offsetHour, offsetMinute] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const real = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  // a leap second is written as :60
  const inRange = Number(hour) < 24 && Number(minute) < 60 && Number(second) <= 60;
  const offsetInRange = Number(offsetHour ?? 0) < 24 && Number(offsetMinute ?? 0) < 60;
  if (!real || !inRange || !offsetInRange) throw new InvalidTime(`"${text}" is not a date and time of the calendar`);
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const offset = BigInt(Number(offsetHour ?? 0) * 3600 + Number(offsetMinute ?? 0) * 60) * (sign === '-' ? -1n : 1n);
  return within(BigInt(date.getTime()) * NS_PER_MS + fraction(decimals) - offset * NS_PER_SECOND, text);
}

function fraction(decimals: string | undefined): bigint {
  return BigInt((decimals ?? '').padEnd(9, '0'));
}

function within(ns: bigint, text: string): bigint {
  if (ns < EARLIEST || ns >= LATEST) throw new InvalidTime(`"${text}" has no four-digit year`);
  return ns;
}
