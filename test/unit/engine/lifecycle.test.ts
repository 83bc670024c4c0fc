import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { STATUSES } from '../../../shared/api/container.ts';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { LIFECYCLE, LIFECYCLE_EVENTS, advance, advanceTo, lifecyclePage } from '../../../daemon/engine/lifecycle.ts';

test('every cell is filled, and leads to a state or a named error', () => {
  assert.deepEqual(Object.keys(LIFECYCLE).sort(), [...STATUSES].sort());
  for (const status of STATUSES) {
    assert.deepEqual(Object.keys(LIFECYCLE[status]).sort(), [...LIFECYCLE_EVENTS].sort(), status);
    for (const event of LIFECYCLE_EVENTS) {
      const cell = LIFECYCLE[status][event];
      if ('to' in cell) assert.equal(advance(status, event, 'web'), cell.to);
      else
        assert.throws(() => advance(status, event, 'web'), {
          name: 'EngineError',
          code: cell.error,
          message: /container web/,
        });
    }
  }
});

test('every state can be reached, and left', () => {
  const reached = new Set<string>(['creating']);
  for (const status of STATUSES) {
    const targets = Object.values(LIFECYCLE[status]).flatMap((cell) => ('to' in cell ? [cell.to] : []));
    for (const target of targets) reached.add(target);
    assert.ok(
      targets.some((target) => target !== status),
      status,
    );
  }
  assert.deepEqual([...reached].sort(), [...STATUSES, 'gone'].sort());
});

test('an error says how the container is', () => {
  assert.throws(() => advance('stopped', 'kill', 'web'), { message: 'container web is not running (it is stopped)' });
  assert.throws(() => advance('running', 'start', 'web'), { message: 'container web is running' });
  assert.throws(() => advance('paused', 'start', 'web'), { code: 'container_paused' });
  assert.throws(() => advance('running', 'remove', 'web'), { code: 'container_running' });
  assert.throws(
    () => advanceTo('running', 'started', 'web'),
    (error) => error instanceof EngineError && error.class === 'internal',
  );
});

test('docs/states.md is what the table says', () => {
  const page = readFileSync(new URL('../../../docs/states.md', import.meta.url), 'utf8');
  assert.equal(page, lifecyclePage(), 'write it anew: node test/unit/engine/write-states.ts');
});
