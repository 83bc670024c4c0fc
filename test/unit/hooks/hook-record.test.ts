import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findHook, readRecord, startTimeOf, type HookRecord } from '../../../daemon/engine/hooks/hook-record.ts';
import { runHostHook } from '../../../daemon/runtime/hooks/run-host-hook.ts';
import { until } from '../../harness/until.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-hook-record-'));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a hook is found by its number and start time, or by the name of its stdin where there is no number yet', async () => {
  const name = `tare-hook-test-${String(process.pid)}`;
  const abort = new AbortController();
  let leader = 0;
  const script = 'sleep 1000 & echo > begun; wait';
  const end = runHostHook(
    { path: '/bin/sh', args: ['sh', '-c', script] },
    { state: '{}', bundle: folder, name, signal: abort.signal, spawned: (pid) => (leader = pid) },
  );
  await until('it has begun', () => existsSync(join(folder, 'begun')) && leader !== 0);
  const record: HookRecord = { kind: 'poststop', path: '/bin/sh', name, bootId: 'this' };
  const startTime = startTimeOf(leader) ?? '';
  const found = [record, { ...record, process: { pid: leader, startTime } }].map((one) => {
    const hook = findHook(one, 'this');
    if (hook !== undefined) closeSync(hook.pidfd);
    return hook?.pid;
  });
  assert.deepEqual(found, [leader, leader]);
  // of another boot, another process of that number, another name
  assert.equal(findHook(record, 'another'), undefined);
  assert.equal(findHook({ ...record, process: { pid: leader, startTime: `${startTime}0` } }, 'this'), undefined);
  assert.equal(findHook({ ...record, name: `${name}x` }, 'this'), undefined);
  abort.abort();
  assert.equal((await end).is, 'aborted');
  await until('it is gone', () => findHook(record, 'this') === undefined);
});

test('a record is read, or there is none', () => {
  const path = join(folder, 'hook.json');
  assert.equal(readRecord(path), undefined);
  writeFileSync(path, '{"kind":"pre');
  assert.equal(readRecord(path), undefined);
  const record: HookRecord = { kind: 'prestart', path: '/x', name: 'n', bootId: 'b' };
  writeFileSync(path, JSON.stringify(record));
  assert.deepEqual(readRecord(path), record);
});
