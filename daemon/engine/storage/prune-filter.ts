/** What prune spares: the filters that all of its kinds have in common. */
import { hasLabel } from '../events.ts';
import { momentOf } from '../moment.ts';

export interface PruneFilters {
  /** RFC 3339, or seconds since 1970: only what was made before. */
  readonly until?: string;
  /** "key", "key=value": only what has all of these; "!key", "!key=value": and none of those. */
  readonly label?: readonly string[];
}

export interface Prunable {
  /** RFC 3339 in UTC with nine decimals; absent: nobody knows, and it counts as old. */
  readonly createdAt?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** True for what may go. Throws `invalid_field` for a time that is none. */
export function pruneFilter({ until, label: labels = [] }: PruneFilters): (item: Prunable) => boolean {
  const before = until === undefined ? undefined : momentOf(until, 'until');
  return (item) =>
    (before === undefined || (item.createdAt ?? '') < before) &&
    labels.every((label) =>
      label.startsWith('!') ? !hasLabel(item.labels, label.slice(1)) : hasLabel(item.labels, label),
    );
}
