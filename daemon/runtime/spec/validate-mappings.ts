/** Lines of uid_map and gid_map, user_namespaces(7). */
import { ID_MAX, U32_MAX, and, id, integer, list, object, type Check } from './check.ts';
import { SpecError } from './error.ts';
import type { IdMapping, Integer } from './types.ts';

/** UID_GID_MAP_MAX_EXTENTS of include/linux/user_namespace.h. */
const LINES_MAX = 340;

type Side = 'containerID' | 'hostID';

function end(line: IdMapping, side: Side): bigint {
  return BigInt(line[side]) + BigInt(line.size);
}

function checkOverlap(lines: readonly IdMapping[], side: Side, field: string): void {
  const sorted = lines.map((line, index) => ({ line, index }));
  sorted.sort((a, b) => Number(a.line[side]) - Number(b.line[side]));
  for (const [at, { line, index }] of sorted.entries()) {
    const before = sorted[at - 1];
    if (before !== undefined && end(before.line, side) > BigInt(line[side])) {
      throw new SpecError(`${field}[${String(index)}].${side}`, `overlaps with entry ${String(before.index)}`);
    }
  }
}

const idMapping: Check<IdMapping> = and(
  object<IdMapping>({ containerID: id, hostID: id, size: integer(1, U32_MAX) }, ['containerID', 'hostID', 'size']),
  (line, field) => {
    for (const side of ['containerID', 'hostID'] as const) {
      if (end(line, side) > BigInt(ID_MAX) + 1n) {
        throw new SpecError(`${field}.size`, `reaches beyond the last id, ${String(ID_MAX)}`);
      }
    }
  },
);

export const idMappings: Check<IdMapping[]> = and(list(idMapping), (lines, field) => {
  if (lines.length > LINES_MAX) {
    throw new SpecError(field, `${String(lines.length)} entries; the kernel takes ${String(LINES_MAX)}`);
  }
  checkOverlap(lines, 'containerID', field);
  checkOverlap(lines, 'hostID', field);
});

/** Whether `wanted`, an id inside the namespace, is mapped by one of `lines`. */
export function isMapped(lines: readonly IdMapping[], wanted: Integer): boolean {
  return lines.some((line) => wanted >= line.containerID && BigInt(wanted) < end(line, 'containerID'));
}
