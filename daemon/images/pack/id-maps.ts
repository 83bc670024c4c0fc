/** Owners as a container sees them, and as the host has them: user_namespaces(7), "User and group ID mappings". */

export interface IdRange {
  readonly container: number;
  readonly host: number;
  readonly size: number;
}

/** Without ranges they are the same. */
export interface IdMaps {
  readonly users: readonly IdRange[];
  readonly groups: readonly IdRange[];
}

export const SAME_IDS: IdMaps = { users: [], groups: [] };

/** What a container sees of an owner that it does not know: /proc/sys/kernel/overflowuid. */
const NOBODY = 65534;

export function toContainer(ranges: readonly IdRange[], id: number): number {
  if (ranges.length === 0) return id;
  const range = ranges.find(({ host, size }) => id >= host && id < host + size);
  return range === undefined ? NOBODY : range.container + (id - range.host);
}

/** Undefined: the container knows no such owner, and could not have made the file. */
export function toHost(ranges: readonly IdRange[], id: number): number | undefined {
  if (ranges.length === 0) return id;
  const range = ranges.find(({ container, size }) => id >= container && id < container + size);
  return range === undefined ? undefined : range.host + (id - range.container);
}
