const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** "117MB": three significant digits in powers of 1000, as docker shows images and what is on its way. */
export function size(count: number, digits = 3): string {
  let value = count;
  let unit = 0;
  while (Number(value.toPrecision(digits)) >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${String(Number(value.toPrecision(digits)))}${UNITS[unit] ?? ''}`;
}
