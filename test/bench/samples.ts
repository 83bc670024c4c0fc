/** Samples of one thing in one unit, and what is said of them. */
export class Samples {
  readonly values: number[] = [];

  add(...values: number[]): void {
    this.values.push(...values);
  }

  percentile(part: number): number {
    const sorted = [...this.values].sort((a, b) => a - b);
    const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
    if (value === undefined) throw new Error('no samples');
    return value;
  }

  get p50(): number {
    return this.percentile(0.5);
  }

  get p90(): number {
    return this.percentile(0.9);
  }
}

/** One line of the table: what, how much, beside whom, against which budget. */
export interface Row {
  readonly what: string;
  readonly value: string;
  readonly beside: string;
  readonly budget: string;
  readonly holds: boolean | undefined;
}

export function printRows(rows: readonly Row[]): void {
  const titles = { what: 'what', value: 'tare', beside: 'beside it, same run', budget: 'budget', holds: undefined };
  const cells = [titles, ...rows].map((row, index) => [
    row.what,
    row.value,
    row.beside,
    row.budget,
    index === 0 ? '' : row.holds === undefined ? '–' : row.holds ? 'holds' : 'SHORT',
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

export async function timed(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}
