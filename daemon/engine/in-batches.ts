/** Work on many things that asks the registry for each: everybody else gets their turn after every few. */
import { setImmediate as turn } from 'node:timers/promises';

/** Some tens of microseconds each. */
const AT_ONCE = 32;

export async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    if (from > 0) await turn();
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  }
  return results;
}
