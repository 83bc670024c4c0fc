import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  askedMode,
  type Mode,
  modeOfSpec,
  modeText,
  modeWithin,
  namespaceOf,
  parseMode,
} from '../../../../daemon/engine/endpoints/mode.ts';
import type { Spec } from '../../../../daemon/runtime/spec/types.ts';

const specWith = (network: { path?: string } | undefined): Spec => ({
  ociVersion: '1.3.0',
  linux: { namespaces: network === undefined ? [{ type: 'pid' }] : [{ type: 'network', ...network }] },
});
const FRESH = specWith({});
const HOST = specWith(undefined);
const JOINED = specWith({ path: '/run/netns/blue' });

test('a mode is what its text says, and back', () => {
  for (const text of ['none', 'host', 'bridge', 'container:web', 'ns:/run/netns/blue']) {
    assert.equal(modeText(parseMode(text)), text);
  }
});

test('networks and ports mean a bridge, and no other mode', () => {
  assert.equal(askedMode(undefined), undefined);
  assert.equal(askedMode({}), undefined);
  assert.equal(askedMode({ publish: [] }), undefined);
  assert.deepEqual(askedMode({ publish: [{ containerPort: 80 }] }), { is: 'bridge' });
  assert.deepEqual(askedMode({ networks: [{ network: 'blue' }] }), { is: 'bridge' });
  for (const mode of ['none', 'host', 'container:web', 'ns:/n']) {
    assert.throws(() => askedMode({ mode, publish: [{ containerPort: 80 }] }), {
      code: 'invalid_field',
      field: 'network.publish',
    });
    assert.throws(() => askedMode({ mode, networks: [{ network: 'blue' }] }), {
      code: 'invalid_field',
      field: 'network.networks',
    });
  }
});

test('the spec has the last word on namespaces: a default gives way to it, what was asked for is refused', () => {
  const bridge: Mode = { is: 'bridge' };
  assert.deepEqual(modeOfSpec(JOINED), { is: 'path', path: '/run/netns/blue' });
  assert.equal(modeWithin(FRESH, bridge, false), bridge);
  assert.deepEqual(modeWithin(HOST, bridge, false), { is: 'host' });
  assert.deepEqual(modeWithin(JOINED, bridge, false), { is: 'path', path: '/run/netns/blue' });
  for (const spec of [HOST, JOINED]) {
    assert.throws(() => modeWithin(spec, bridge, true), { code: 'invalid_field', field: 'network.mode' });
  }
  assert.throws(() => modeWithin(FRESH, { is: 'host' }, true), { code: 'invalid_field', field: 'network.mode' });
  const joining: Mode = { is: 'container', ref: 'a'.repeat(64) };
  assert.equal(modeWithin(JOINED, joining, true), joining);
});

test('every mode has its entry among the namespaces, the host has none', () => {
  assert.deepEqual(namespaceOf({ is: 'none' }, ''), { type: 'network' });
  assert.deepEqual(namespaceOf({ is: 'bridge' }, ''), { type: 'network' });
  assert.equal(namespaceOf({ is: 'host' }, ''), undefined);
  assert.deepEqual(namespaceOf({ is: 'path', path: '/n' }, ''), { type: 'network', path: '/n' });
  assert.deepEqual(namespaceOf({ is: 'container', ref: 'a' }, '/x'), { type: 'network', path: '/x' });
});
