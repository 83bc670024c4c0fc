/** How a difference that is meant is written down, and found again. */
import type { Difference } from './compare.ts';

export interface Listed {
  readonly scenario: string;
  readonly step: string;
  readonly path: string;
  readonly dockerd?: string;
  readonly tare?: string;
  readonly reason: string;
}

type At = readonly [scenario: string, step: string, path: string, dockerd?: string, tare?: string];

/** One reason for several places. */
export function because(reason: string, ...places: readonly At[]): Listed[] {
  return places.map(([scenario, step, path, dockerd, tare]) => ({
    ...{ scenario, step, path, reason },
    ...(dockerd === undefined ? {} : { dockerd }),
    ...(tare === undefined ? {} : { tare }),
  }));
}

/** A pattern in which `*` stands for anything. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`).test(text);
}

const shown = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

export function covers(listed: Listed, { scenario, step, path, dockerd, tare }: Difference): boolean {
  return (
    matches(listed.scenario, scenario) &&
    matches(listed.step, step) &&
    matches(listed.path, path) &&
    matches(listed.dockerd ?? '*', shown(dockerd)) &&
    matches(listed.tare ?? '*', shown(tare))
  );
}
