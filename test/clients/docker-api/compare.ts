/** Two recordings of a scenario, leaf by leaf. */
import type { Step } from './session.ts';

export interface Difference {
  readonly scenario: string;
  /** What was asked. */
  readonly step: string;
  /** Of the answer: "body.State.Status", "stdout", "headers.content-type". */
  readonly path: string;
  /** undefined: not there. */
  readonly dockerd: unknown;
  readonly tare: unknown;
}

export interface Recording {
  readonly steps: readonly Step[];
  /** What ended the scenario before its end. */
  readonly error?: string;
}

export function compare(scenario: string, dockerd: Recording, tare: Recording): Difference[] {
  const differences: Difference[] = [];
  const steps = Math.max(dockerd.steps.length, tare.steps.length);
  for (let index = 0; index < steps; index++) {
    const [theirs, ours] = [dockerd.steps[index], tare.steps[index]];
    const step = theirs?.asked ?? ours?.asked ?? '';
    if (theirs?.asked !== ours?.asked) {
      differences.push({ scenario, step, path: 'asked', dockerd: theirs?.asked, tare: ours?.asked });
      break;
    }
    const [left, right] = [leaves(theirs?.answer), leaves(ours?.answer)];
    for (const path of new Set([...left.keys(), ...right.keys()])) {
      const pair = { dockerd: left.get(path), tare: right.get(path) };
      if (pair.dockerd !== pair.tare && !isAbove(path, left, right))
        differences.push({ scenario, step, path, ...pair });
    }
  }
  if (dockerd.error !== tare.error) {
    differences.push({ scenario, step: 'end', path: 'error', dockerd: dockerd.error, tare: tare.error });
  }
  return differences;
}

/** Whether one side has a whole document where the other has something plain, and `path` is of that document. */
function isAbove(path: string, left: ReadonlyMap<string, unknown>, right: ReadonlyMap<string, unknown>): boolean {
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const above = path.slice(0, dot);
    if (left.has(above) || right.has(above)) return true;
  }
  return false;
}

/** Every plain value by its path; a document or list that is empty is a value too. */
function leaves(value: unknown, path = '', into = new Map<string, unknown>()): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) return into.set(path, value);
  const entries = Object.entries(value);
  if (entries.length === 0) return into.set(path, Array.isArray(value) ? '[]' : '{}');
  for (const [key, item] of entries) leaves(item, path === '' ? key : `${path}.${key}`, into);
  return into;
}
