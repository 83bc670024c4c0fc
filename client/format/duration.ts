/** Lengths of time as docker tells them. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

/** "5 minutes", "About an hour". */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole === 1) return '1 second';
  if (whole < MINUTE) return `${String(whole)} seconds`;
  if (whole < 2 * MINUTE) return 'About a minute';
  if (whole < HOUR) return `${String(Math.floor(whole / MINUTE))} minutes`;
  const hours = Math.round(whole / HOUR);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${String(hours)} hours`;
  if (whole < 2 * WEEK) return `${String(Math.floor(whole / DAY))} days`;
  if (whole < 2 * MONTH) return `${String(Math.floor(whole / WEEK))} weeks`;
  if (whole < 2 * YEAR) return `${String(Math.floor(whole / MONTH))} months`;
  return `${String(Math.floor(whole / YEAR))} years`;
}

/** `at` is RFC 3339. A clock that went back counts as no time. */
export function ago(at: string, now: number): string {
  return `${since(at, now)} ago`;
}

export function since(at: string, now: number): string {
  return duration(Math.max(0, (now - Date.parse(at)) / 1000));
}

/** "90", "90s", "1h30m", as Go writes durations: seconds, or undefined. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { h: HOUR, m: MINUTE, s: 1, ms: 0.001 };
  let seconds = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    seconds += Number(amount) * (units[unit] ?? 0);
  }
  return seconds;
}

/**
 * A point in time as docker's `--since` takes it: RFC 3339, seconds since 1970, or a length of time before now
 * ("10m"). Gives what the API takes, or undefined.
 */
export function parseMoment(text: string, now: number): string | undefined {
  if (/^\d+(\.\d{1,9})?$/.test(text)) return text;
  const back = parseDuration(text);
  if (back !== undefined) return ((now - back * 1000) / 1000).toFixed(3);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) return undefined;
  // The API wants a zone; a time without one is meant in this machine's.
  return /T.*(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : new Date(localTime(text)).toISOString();
}

/** JavaScript reads a date alone as UTC and a date with time as local; both are local here. */
function localTime(text: string): number {
  return Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00` : text);
}
