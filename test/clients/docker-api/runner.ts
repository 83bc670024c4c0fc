/** Runs every scenario at both engines at once, several scenarios at a time, and finds what differs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { compare, type Difference, type Recording } from './compare.ts';
import type { Engine } from './engine.ts';
import { Session } from './session.ts';

export interface Scenario {
  readonly name: string;
  readonly run: (session: Session) => Promise<void>;
  /** It looks at all that the engine has, or takes it away: nothing else runs meanwhile. */
  readonly isAlone: boolean;
}

export function scenario(name: string, run: (session: Session) => Promise<void>): Scenario {
  return { name, run, isAlone: false };
}

export function alone(name: string, run: (session: Session) => Promise<void>): Scenario {
  return { name, run, isAlone: true };
}

/** Scenarios at a time: a scenario waits for its engine more than it works. */
const AT_ONCE = 6;

export interface Outcome {
  readonly scenario: string;
  readonly differences: readonly Difference[];
  readonly recordings: readonly [dockerd: Recording, tare: Recording];
  /** Milliseconds. */
  readonly took: number;
}

export async function runAll(
  scenarios: readonly Scenario[],
  engines: readonly [Engine, Engine],
  tell: (scenario: string) => void = () => undefined,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const together = scenarios.filter(({ isAlone }) => !isAlone);
  const next = together.values();
  const one = async (item: Scenario): Promise<void> => {
    outcomes.push(await runOne(item, engines));
    tell(item.name);
  };
  const worker = async (): Promise<void> => {
    for (const item of next) await one(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const engine of engines) await removeAll(engine);
  for (const item of scenarios) if (item.isAlone) await one(item);
  return outcomes;
}

async function runOne(item: Scenario, engines: readonly [Engine, Engine]): Promise<Outcome> {
  const began = performance.now();
  const [dockerd, tare] = await Promise.all([record(item, engines[0]), record(item, engines[1])]);
  return {
    scenario: item.name,
    differences: compare(item.name, dockerd, tare),
    recordings: [dockerd, tare],
    took: performance.now() - began,
  };
}

async function record(item: Scenario, engine: Engine): Promise<Recording> {
  const session = new Session(engine, slug(item.name));
  try {
    await Promise.race([item.run(session), expiry(session)]);
    return { steps: session.steps };
  } catch (error) {
    return { steps: session.steps, error: error instanceof Error ? error.message : String(error) };
  } finally {
    await session.clean().catch((error: unknown) => {
      session.note('removal of what the scenario made', String(error));
    });
  }
}

/** Far beyond what any scenario takes. */
const SECONDS = 60;

async function expiry(session: Session): Promise<never> {
  await sleep(SECONDS * 1000, undefined, { ref: false });
  throw new Error(`no end after ${SECONDS} s, behind ${session.steps.at(-1)?.asked ?? 'nothing'}`);
}

/** "create: a name twice" is "create-a-name-twice-0": the last part is there so that none begins another. */
export function slug(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${words}-0`;
}

/** Containers that scenarios made without a name of theirs. */
async function removeAll({ client }: Engine): Promise<void> {
  const { body } = await client.send<{ Id: string }[]>('GET', '/v1.41/containers/json?all=1');
  if (!Array.isArray(body)) return;
  for (const { Id: id } of body) await client.send('DELETE', `/v1.41/containers/${id}?force=1&v=1`);
}
