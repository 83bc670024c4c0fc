import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  CAPABILITIES,
  capabilityMask,
  DEFAULT_CAPABILITIES,
  parseCapability,
} from '../../../daemon/runtime/capabilities.ts';

void test('names are read in every way people write them', () => {
  for (const text of ['net_admin', 'NET_ADMIN', 'CAP_NET_ADMIN', 'cap_net_admin']) {
    assert.equal(parseCapability(text), 'CAP_NET_ADMIN');
  }
  for (const text of ['', 'CAP_', 'ALL', 'CAP_CAP_CHOWN', 'NET ADMIN'])
    assert.equal(parseCapability(text), undefined, text);
});

void test('a mask has the kernel’s bits', () => {
  assert.equal(CAPABILITIES.indexOf('CAP_CHECKPOINT_RESTORE'), 40);
  assert.equal(CAPABILITIES.indexOf('CAP_SYS_ADMIN'), 21);
  assert.equal(capabilityMask([]), 0n);
  assert.equal(capabilityMask(['CAP_CHOWN', 'bpf', 'CAP_CHOWN']), 1n | (1n << 39n));
  // The figure that Docker's containers show as CapBnd.
  assert.equal(capabilityMask(DEFAULT_CAPABILITIES), 0xa80425fbn);
  assert.throws(() => capabilityMask(['CAP_NOPE']), RangeError);
});

void test('the kernel knows no capability beyond ours', () => {
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  assert.ok(last <= CAPABILITIES.length - 1);
});
