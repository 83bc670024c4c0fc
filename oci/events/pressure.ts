/** Pressure stall information of a v2 group, Documentation/accounting/psi.rst: shares in per cent, total in microseconds. */
import { readLines, type Group } from './files.ts';

interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: number;
}

export type Pressure = Partial<Record<'some' | 'full', PressureLine>>;

/** undefined: nobody counts (v1, or a kernel with PSI off). `resource`: "cpu", "memory", "io". */
export function pressure(group: Group | undefined, resource: string): Pressure | undefined {
  if (group?.version !== 2) return undefined;
  const parsed: Pressure = {};
  for (const line of linesOrNone(group, `${resource}.pressure`)) {
    const [, kind, ...numbers] = /^(some|full) avg10=(\S+) avg60=(\S+) avg300=(\S+) total=(\S+)$/.exec(line) ?? [];
    const [avg10 = NaN, avg60 = NaN, avg300 = NaN, total = NaN] = numbers.map(Number);
    if (kind === 'some' || kind === 'full') parsed[kind] = { avg10, avg60, avg300, total };
  }
  return Object.keys(parsed).length === 0 ? undefined : parsed;
}

/** A kernel that was started with psi=0 has the file and refuses to read it: EOPNOTSUPP. */
function linesOrNone(group: Group, file: string): string[] {
  try {
    return readLines(group, file);
  } catch {
    return [];
  }
}
