import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { launchPlanPage, PAGE } from '../../../scripts/launch-plan-page.ts';

test('docs/launch-plan.md is what its table says (node scripts/launch-plan-page.ts writes it)', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), launchPlanPage());
});
