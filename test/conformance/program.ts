/** What a conformance program is given and what it answers with. */
import type { OciRuntime } from '../harness/oci.ts';
import type { Spec } from './config.ts';

/** One finding: what the specification asks for, and whether it was so. */
export interface Finding {
  readonly holds: boolean;
  readonly what: string;
  readonly detail: string;
}

export class Findings {
  readonly all: Finding[] = [];

  /** `detail` says what was there instead. */
  check(holds: boolean, what: string, detail: unknown = ''): void {
    this.all.push({ holds, what, detail: typeof detail === 'string' ? detail : JSON.stringify(detail) });
  }

  get failed(): Finding[] {
    return this.all.filter(({ holds }) => !holds);
  }
}

export interface Context {
  readonly runtime: OciRuntime;
  /** The ordinary container, running `args`; a new object each time. */
  readonly spec: (args?: string[]) => Spec;
  readonly findings: Findings;
  /** test/probe/report.c, compiled. */
  readonly report: string;
}

/** By name; each leaves nothing behind. Programs are run one after the other: some share a control group. */
export type Programs = Readonly<Record<string, (context: Context) => Promise<void>>>;
