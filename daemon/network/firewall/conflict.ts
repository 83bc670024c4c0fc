/** Which published port is taken: nf_tables says that one is, not whose it is. */
import type { Element } from '../netfilter/nftables/elements.ts';
import type { SetShape } from '../netfilter/nftables/sets.ts';
import type { PortMapping } from '../types.ts';
import { describeMapping, membersOfPorts } from './elements.ts';

/** A port of `mapping` leads elsewhere already. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
  readonly mapping: PortMapping;

  constructor(mapping: PortMapping, cause: unknown) {
    super(`publish ${describeMapping(mapping)}: a port of it is taken`, { cause });
    this.mapping = mapping;
  }
}

/**
 * The first of `come` that has a port which leads elsewhere, by what is there (`listed`, but for `gone`) or by a mapping
 * before it; undefined where none has (any more).
 */
export function findConflict(
  come: readonly PortMapping[],
  gone: readonly PortMapping[],
  listed: (set: SetShape) => readonly Element[],
): PortMapping | undefined {
  const targets = new Map<SetShape, Map<string, string>>();
  const targetsOf = (set: SetShape): Map<string, string> => {
    const known = targets.get(set) ?? new Map(listed(set).map(({ key, data }) => [text(key), text(data)]));
    targets.set(set, known);
    return known;
  };
  for (const { set, elements } of membersOfPorts(gone)) {
    for (const { key } of elements) targetsOf(set).delete(text(key));
  }
  return come.find((mapping) =>
    membersOfPorts([mapping]).some(({ set, elements }) => {
      const known = targetsOf(set);
      return elements.some(({ key, data }) => {
        const found = known.get(text(key)) ?? text(data);
        known.set(text(key), found);
        return found !== text(data);
      });
    }),
  );
}

const text = (value: unknown): string => JSON.stringify(value);
