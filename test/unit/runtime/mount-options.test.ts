import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOUNT_ATTR, MS } from '../../../daemon/runtime/plan/kernel.ts';
import { newMountAttributes, parseMountOptions, propagationFlags } from '../../../daemon/runtime/plan/mount-options.ts';

const { RDONLY, NOSUID, NODEV, NOEXEC, ATIME, NOATIME, STRICTATIME, NODIRATIME, NOSYMFOLLOW } = MOUNT_ATTR;
const nothing = { set: 0, clear: 0 };

const SINGLE: readonly (readonly [option: string, set: number, clear: number])[] = [
  ['ro', RDONLY, 0],
  ['rw', 0, RDONLY],
  ['nosuid', NOSUID, 0],
  ['suid', 0, NOSUID],
  ['nodev', NODEV, 0],
  ['dev', 0, NODEV],
  ['noexec', NOEXEC, 0],
  ['exec', 0, NOEXEC],
  ['nodiratime', NODIRATIME, 0],
  ['diratime', 0, NODIRATIME],
  ['nosymfollow', NOSYMFOLLOW, 0],
  ['symfollow', 0, NOSYMFOLLOW],
  ['noatime', NOATIME, ATIME],
  ['strictatime', STRICTATIME, ATIME],
  ['relatime', 0, ATIME],
  ['atime', 0, ATIME],
  ['norelatime', 0, ATIME],
  ['nostrictatime', 0, ATIME],
];

test('each attribute, and its recursive form', () => {
  for (const [option, set, clear] of SINGLE) {
    assert.deepEqual(parseMountOptions([option]).top, { set, clear }, option);
    assert.deepEqual(parseMountOptions([option]).tree, nothing, option);
    assert.deepEqual(parseMountOptions([`r${option}`]).tree, { set, clear }, `r${option}`);
    assert.deepEqual(parseMountOptions([`r${option}`]).top, nothing, `r${option}`);
  }
});

test('the last of two that contradict each other counts', () => {
  assert.deepEqual(parseMountOptions(['ro', 'rw']).top, { set: 0, clear: RDONLY });
  assert.deepEqual(parseMountOptions(['rw', 'ro']).top, { set: RDONLY, clear: 0 });
  assert.deepEqual(parseMountOptions(['noatime', 'strictatime']).top, { set: STRICTATIME, clear: ATIME });
  assert.deepEqual(parseMountOptions(['noatime', 'relatime']).top, { set: 0, clear: ATIME });
});

test('propagation, flags and what is the file system’s', () => {
  assert.equal(propagationFlags('rslave'), MS.SLAVE | MS.REC);
  assert.equal(propagationFlags('shared'), MS.SHARED);
  assert.equal(propagationFlags('runbindable'), MS.UNBINDABLE | MS.REC);
  assert.equal(propagationFlags('rro'), undefined);
  const parsed = parseMountOptions(['rbind', 'defaults', 'rprivate', 'tmpcopyup', 'size=1m', 'async', 'sync']);
  assert.deepEqual(parsed.data, ['size=1m', 'sync']);
  assert.equal(parsed.propagation, MS.PRIVATE | MS.REC);
  assert.ok(parsed.recursiveBind && parsed.copyUp);
  assert.equal(newMountAttributes(parseMountOptions(['nosuid', 'rro', 'strictatime'])), NOSUID | RDONLY | STRICTATIME);
});
