/** Sizes and durations as people write them. */

/** Powers of 1024, as Docker reads them: "k", "kb" and "KiB" are all 1024. */
const SIZE_UNITS = ['', 'k', 'm', 'g', 't', 'p'] as const;
const SIZE = /^(?<whole>[0-9]+)(?:\.(?<part>[0-9]+))?\s*(?<unit>[kmgtp])?(?:i?b)?$/i;

function notSize(given: unknown): RangeError {
  return new RangeError(`${JSON.stringify(given)} is not a size such as 512MiB`);
}

/**
 * The bytes that "512MiB", "1.5g", "1024" or 1024 means; a fraction of a byte is cut off.
 * Throws a RangeError for what is no size, is negative or exceeds 2^53 - 1.
 */
export function parseBytes(given: string | number): number {
  if (typeof given === 'number') {
    if (!Number.isSafeInteger(given) || given < 0) throw notSize(given);
    return given;
  }
  const groups = given.length > 64 ? undefined : SIZE.exec(given.trim())?.groups;
  if (groups?.whole === undefined) throw notSize(given);
  // "1ib" would otherwise pass as a number without a unit.
  if (groups.unit === undefined && /i/i.test(given)) throw notSize(given);
  const part = groups.part ?? '';
  const power = SIZE_UNITS.indexOf((groups.unit?.toLowerCase() ?? '') as (typeof SIZE_UNITS)[number]);
  // In whole numbers throughout: 1.1g in floating point would be a byte off.
  const bytes = (BigInt(groups.whole + part) * 1024n ** BigInt(power)) / 10n ** BigInt(part.length);
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER))
    throw new RangeError(`${JSON.stringify(given)} is more than 2^53 - 1 bytes`);
  return Number(bytes);
}

/** "512MiB", "1.5GiB", "17B": at most four digits that count. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (Math.abs(value) >= 1024 && power < SIZE_UNITS.length - 1) {
    value /= 1024;
    power += 1;
  }
  const digits = String(Number(value.toPrecision(4)));
  return power === 0 ? `${digits}B` : `${digits}${(SIZE_UNITS[power] ?? '').toUpperCase()}iB`;
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds that "10s", "1m30s", "1.5h" or "250ms" means; a number alone is seconds.
 * Throws a RangeError for anything else.
 */
export function parseDuration(given: string | number): number {
  const text = typeof given === 'number' ? String(given) : given.trim();
  if (/^[0-9]+(?:\.[0-9]+)?$/.test(text)) return Number(text) * 1000;
  if (text.length > 64 || !/^(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h|d))+$/.test(text)) {
    throw new RangeError(`${JSON.stringify(given)} is not a duration such as 10s or 1m30s`);
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)([a-zµ]+)/g)) {
    total += Number(amount) * (DURATION_UNITS[unit ?? ''] ?? NaN);
  }
  return total;
}

/** "1h2m3s", "1.5s", "250ms": whole milliseconds, no unit of zero. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 0) return `-${formatDuration(-milliseconds)}`;
  const whole = Math.round(milliseconds);
  if (whole < 1000) return `${String(whole)}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = (whole % 60_000) / 1000;
  const parts = [hours > 0 ? `${String(hours)}h` : '', minutes > 0 ? `${String(minutes)}m` : ''];
  if (seconds > 0) parts.push(`${String(seconds)}s`);
  return parts.join('');
}

const AGES = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** How long ago, roughly: "3 minutes", "1 hour", "less than a second". */
export function formatAge(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  for (const [unit, length] of AGES) {
    const count = Math.floor(seconds / length);
    if (count >= 1) return `${String(count)} ${unit}${count === 1 ? '' : 's'}`;
  }
  return 'less than a second';
}
