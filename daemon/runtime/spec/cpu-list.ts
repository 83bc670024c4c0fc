/** Lists of numbers as cpuset(7) "Formats" writes them: "0-3,7". CPUs, memory nodes. */

const RANGE = /^([0-9]{1,7})(?:-([0-9]{1,7}))?$/;

/**
 * The numbers of a list, ascending; undefined where `text` is none or names one above `last`. Blanks around the ranges are
 * allowed, as the specification's schema does.
 */
export function parseNumberList(text: string, last: number): number[] | undefined {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, end] = RANGE.exec(part.trim()) ?? [];
    if (first === undefined) return undefined;
    const from = Number(first);
    const to = end === undefined ? from : Number(end);
    if (to < from || to > last) return undefined;
    for (let number = from; number <= to; number++) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** As the kernel takes them: bit N of a little-endian mask for number N, in whole words of 64 bits. */
export function numberMask(numbers: readonly number[]): Uint8Array {
  const words = Math.floor(Math.max(0, ...numbers) / 64) + 1;
  const mask = new Uint8Array(words * 8);
  for (const number of numbers) mask[number >> 3] = (mask[number >> 3] ?? 0) | (1 << (number & 7));
  return mask;
}
