/** Columns of text, each as wide as its widest cell and three spaces, as docker's. */

const GAP = 3;
const LEAST = 10;

/** Every row has the cells of the first. Ends with a newline. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? LEAST, cell.length);
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + GAP),
      );
      return `${cells.join('').trimEnd()}\n`;
    })
    .join('');
}

/** At most `length` characters, the last of them "…" where something is left out. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** What would move the cursor or clear the screen does not reach it. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/^[\u007f-\u009f]$/, '?'),
  );
}
