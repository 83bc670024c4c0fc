/** `--filter KEY=VALUE`. */
import { UsageError } from '../errors.ts';

export interface Filter {
  readonly key: string;
  readonly value: string;
  /** docker's "label!=KEY". */
  readonly negated: boolean;
}

/** Throws UsageError for what is not KEY=VALUE, and for a key that is not in `known`. */
export function parseFilters(words: readonly string[], known: readonly string[]): readonly Filter[] {
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 1) throw new UsageError(`--filter "${word}" is not KEY=VALUE`);
    const negated = word[equals - 1] === '!';
    const key = word.slice(0, negated ? equals - 1 : equals);
    if (!known.includes(key) || (negated && key !== 'label')) {
      throw new UsageError(`--filter "${word.slice(0, equals)}" is not supported`, {
        hint:
          known.length === 1
            ? `there is ${known.join('')}`
            : `there are ${known.slice(0, -1).join(', ')} and ${String(known.at(-1))}`,
      });
    }
    return { key, value: word.slice(equals + 1), negated };
  });
}

export function valuesOf(filters: readonly Filter[], key: string): string[] {
  return filters.filter((filter) => filter.key === key).map(({ value, negated }) => (negated ? `!${value}` : value));
}

/** The last one wins; undefined where there is none. */
export function truthOf(filters: readonly Filter[], key: string): boolean | undefined {
  const value = valuesOf(filters, key).at(-1);
  if (value === undefined) return undefined;
  if (/^(true|1)$/i.test(value)) return true;
  if (/^(false|0)$/i.test(value)) return false;
  throw new UsageError(`--filter "${key}=${value}" is neither true nor false`);
}
