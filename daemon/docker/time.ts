/** Times as Docker's clients read them. */

/** What has not happened: Go's zero time. */
export const NEVER = '0001-01-01T00:00:00Z';

/** RFC 3339 with nanoseconds, as the engine has it, without the zeros at its end: Go's RFC3339Nano. */
export function goTime(timestamp: string | undefined): string {
  if (timestamp === undefined) return NEVER;
  return timestamp.replace(/(\.[0-9]*?)0*Z$/, (_end, fraction: string) => (fraction === '.' ? 'Z' : `${fraction}Z`));
}

/** Whole seconds since 1970. */
export function unixSeconds(timestamp: string): number {
  return Math.floor(Date.parse(timestamp) / 1000);
}

/** Nanoseconds since 1970. */
export function unixNanoseconds(timestamp: string): bigint {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.([0-9]{1,9}))?Z$/.exec(timestamp) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
