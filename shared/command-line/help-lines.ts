/** Flags as lines of a help text, in docker's shape: spelling, summary, wrapped. */

export const HELP_WIDTH = 100;

export interface HelpFlag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** Name of its value, in capitals; absent for a boolean. */
  readonly value?: string;
  readonly summary: string;
  readonly default?: string;
}

/** "-m, --memory BYTES" */
export function flagSpelling(flag: HelpFlag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return `${short}--${flag.name}${flag.value === undefined ? '' : ` ${flag.value}`}`;
}

export function flagLines(flags: readonly HelpFlag[]): readonly string[] {
  const width = Math.max(...flags.map((flag) => flagSpelling(flag).length));
  return flags.flatMap((flag) => {
    const fallback = flag.default === undefined ? '' : ` (default ${flag.default})`;
    const [first = '', ...rest] = wrap(`${flag.summary}${fallback}`, Math.max(30, HELP_WIDTH - width - 5));
    const indent = ' '.repeat(width + 5);
    return [`  ${flagSpelling(flag).padEnd(width)}   ${first}`, ...rest.map((line) => `${indent}${line}`)];
  });
}

export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
