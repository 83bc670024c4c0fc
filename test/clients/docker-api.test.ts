/**
 * tare beside dockerd: every scenario at both in one run, and what they answer compared. With TARE_DOCKER_PEER=dockerd
 * the other side is a second dockerd: then nothing may differ, or a scenario is wrong.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Difference } from './docker-api/compare.ts';
import { LISTED } from './docker-api/differences.ts';
import { covers } from './docker-api/listed.ts';
import { Engine } from './docker-api/engine.ts';
import { runAll, type Outcome } from './docker-api/runner.ts';
import { THEMES } from './docker-api/scenarios/index.ts';

const isSelfTest = process.env.TARE_DOCKER_PEER === 'dockerd';

const scenarios = Object.values(THEMES).flat();
const outcomes = new Map<string, Outcome>();
const engines: Engine[] = [];

before(async () => {
  const [dockerd, tare] = await Promise.all([Engine.open('dockerd'), Engine.open(isSelfTest ? 'dockerd' : 'tare')]);
  engines.push(dockerd, tare);
  for (const outcome of await runAll(scenarios, [dockerd, tare])) outcomes.set(outcome.scenario, outcome);
});

after(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
});

function told({ step, path, dockerd, tare }: Difference): string {
  return `${step}\n  ${path}\n    dockerd: ${JSON.stringify(dockerd)}\n    tare:    ${JSON.stringify(tare)}`;
}

for (const [theme, all] of Object.entries(THEMES)) {
  describe(theme, () => {
    for (const { name } of all) {
      test(name, () => {
        const outcome = outcomes.get(name);
        assert.ok(outcome, 'it did not run');
        const [dockerd] = outcome.recordings;
        assert.equal(dockerd.error, undefined, 'the scenario is wrong');
        const differences = outcome.differences.filter(
          (difference) => isSelfTest || !LISTED.some((listed) => covers(listed, difference)),
        );
        assert.deepEqual(differences.map(told).join('\n'), '');
      });
    }
  });
}

test('the names of scenarios are unique', () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
});

test('every listed difference is one', { skip: isSelfTest }, () => {
  const all = [...outcomes.values()].flatMap(({ differences }) => differences);
  const gone = LISTED.filter((listed) => !all.some((difference) => covers(listed, difference)));
  assert.deepEqual(gone, []);
});
