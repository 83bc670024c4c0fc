/** The text of a bar, which docker's CLI shows where it has no terminal to draw one on (moby, jsonmessage). */
const WIDTH = 50;

/** "[=====>      ]  1.5MB/3MB" */
export function barText(current: number, total: number): string {
  if (total <= 0) return bytesText(current);
  const done = Math.floor((Math.min(current, total) / total) * WIDTH);
  const head = done < WIDTH ? '>' : '';
  const bar = `${'='.repeat(done)}${head}${' '.repeat(Math.max(WIDTH - done - head.length, 0))}`;
  return `[${bar}] ${bytesText(current).padStart(7)}/${bytesText(total)}`;
}

/** Four digits at most, in powers of 1000: go-units, HumanSize. */
function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${String(Number(value.toPrecision(4)))}${units[unit] ?? ''}`;
}
