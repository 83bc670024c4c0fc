import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { EndedNamespaces } from '../../../daemon/engine/endpoints/ended-namespaces.ts';

const PAUSE_MS = 25;
const MOST_HELD = 16;

const open = (): number => openSync('/proc/self/ns/net', 'r');

function isOpen(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    return false;
  }
}

test('they are held until a pause, and then go together', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ended = new EndedNamespaces();
  const descriptors = [open(), open()] as const;
  ended.hold(descriptors[0]);
  t.mock.timers.tick(PAUSE_MS - 1);
  assert.ok(isOpen(descriptors[0]));
  ended.hold(descriptors[1]);
  t.mock.timers.tick(PAUSE_MS);
  assert.deepEqual(descriptors.map(isOpen), [false, false]);
});

test('many go without a pause, and whoever cannot wait for one need not', () => {
  const ended = new EndedNamespaces();
  const many = Array.from({ length: MOST_HELD }, open);
  for (const descriptor of many) ended.hold(descriptor);
  assert.ok(!many.some(isOpen));
  const last = open();
  ended.hold(last);
  assert.ok(isOpen(last));
  ended.giveUp();
  assert.ok(!isOpen(last));
  // nothing is closed twice: the number may be another's by now
  const other = open();
  ended.giveUp();
  assert.ok(isOpen(other));
  closeSync(other);
});
