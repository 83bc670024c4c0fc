/** Hostile archives through every door of the daemon, a canary tree beside its directories, and malformed headers of all kinds. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { TestDaemon } from '../harness/daemon.ts';
import { archiveAttacks } from '../harness/archives/attacks.ts';
import { CanaryTree } from '../harness/archives/canary.ts';
import {
  assertAnswered,
  copyDoor,
  importDoor,
  loadDoor,
  pullDoor,
  storeOf,
  type Door,
} from '../harness/archives/doors.ts';
import { anyArchive } from '../harness/archives/malformed.ts';
import { unpackNaively } from '../harness/archives/naive.ts';
import { TestRegistry } from '../harness/registry.ts';
import { directory, file, tar } from '../harness/tar.ts';

/** Of the corpus: the same archives in every run, and what fails is found again by its number. */
const SEED = 20261122;
const RUNS = 40;

let daemon: TestDaemon;
let registry: TestRegistry;
let canary: CanaryTree;
const doors: Door[] = [];

before(async () => {
  daemon = await TestDaemon.open();
  registry = await TestRegistry.open();
  canary = new CanaryTree(join(daemon.folder, 'canary'));
  const stopped = await daemon.create(['/bin/true']);
  const running = await daemon.create(['/bin/sleep', '1000']);
  await daemon.client.must('POST', `/v1/containers/${running}/start`);
  doors.push(
    ...[pullDoor(daemon, registry), loadDoor(daemon), importDoor(daemon)],
    ...[copyDoor(daemon, stopped, 'stopped'), copyDoor(daemon, running, 'running')],
  );
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await daemon.close();
});

/** The archive goes through the door; the canary is as it was, and what was refused left nothing. */
async function pass(door: Door, archive: Buffer, what: string): Promise<number> {
  const before = storeOf(daemon);
  const answer = await door.send(archive);
  assertAnswered(answer, `${door.name}: ${what}`);
  canary.assertUntouched(`${door.name}: ${what}`);
  if (answer.status >= 400 && door.keepsNothing) assert.deepEqual(storeOf(daemon), before, `${door.name}: ${what}`);
  return answer.status;
}

test('the attacks bite: unpacked by names that are joined and followed, each of them touches the canary', () => {
  const count = archiveAttacks('/').length;
  for (let index = 0; index < count; index++) {
    const room = mkdtempSync(join(tmpdir(), 'tare-naive-'));
    try {
      const own = new CanaryTree(join(room, 'canary'));
      const { name, archive } = archiveAttacks(own.path)[index]!;
      mkdirSync(join(room, 'layer'));
      try {
        unpackNaively(archive, join(room, 'layer'));
      } catch {
        // it came as far as it came
      }
      assert.notDeepEqual(own.changes(), [], name);
    } finally {
      rmSync(room, { recursive: true });
    }
  }
});

test('CVE-2021-32760, 2025-47290, 2026-17106: no archive touches anything outside of its root, by any door', async () => {
  for (const door of doors) {
    assert.ok(
      (await pass(door, tar(directory('sound/'), file('sound/file', 'x')), 'a sound archive')) < 300,
      door.name,
    );
    for (const { name, archive } of archiveAttacks(canary.path)) await pass(door, archive, name);
  }
});

describe('a corpus of malformed headers', () => {
  test('is unpacked below the root or refused, by every door, and the daemon answers the next request', async () => {
    for (const door of doors) {
      await fc.assert(
        fc.asyncProperty(anyArchive(), async (archive) => {
          await pass(door, archive, 'of the corpus');
        }),
        { seed: SEED, numRuns: RUNS, endOnFailure: true },
      );
    }
    assert.equal((await daemon.client.send('GET', '/v1/ping')).status, 200);
    assert.doesNotMatch(daemon.output, /"level":(50|60)/);
  });
});
