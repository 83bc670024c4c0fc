/** tare-oci killed in the midst of its work, and what it hands over to whoever reaps its orphans. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FOREVER, buildSubreaper, groupsOf, parentOf, plainConfig, processesOf } from '../harness/oci-config.ts';
import { newId, OciRuntime, type Bundle } from '../harness/oci.ts';
import { until } from '../harness/until.ts';

const TARE_OCI = join(import.meta.dirname, '../../bin/tare-oci');

let oci: OciRuntime;
let bundle: Bundle;
before(() => {
  oci = new OciRuntime();
  const sh = (script: string): object => ({ path: '/bin/sh', args: ['sh', '-c', script] });
  const hooks = { createRuntime: [sh('exit 0')], createContainer: [sh('exit 0')], startContainer: [sh('exit 0')] };
  bundle = oci.bundle(plainConfig(FOREVER, {}, { hooks }));
});
after(() => oci.close());

/** Runs a command and kills it with SIGKILL after `milliseconds`, unless it has ended by then. */
async function cutOff(args: readonly string[], milliseconds: number): Promise<void> {
  const child = spawn(TARE_OCI, ['--root', oci.root, ...args], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await Promise.race([ended, delay(milliseconds)]);
  child.kill('SIGKILL');
  await ended;
}

async function assertCleaned(id: string): Promise<void> {
  const { code, stderr } = await oci.delete(id, true);
  assert.equal(code, 0, stderr);
  assert.equal(existsSync(join(oci.root, id)), false);
  assert.deepEqual(processesOf(id), []);
  assert.deepEqual(groupsOf(id), []);
}

async function duration(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

test('create cut off at any moment leaves what delete --force clears away', async () => {
  const whole = newId();
  const takes = await duration(() => oci.create(whole, bundle));
  await assertCleaned(whole);
  for (let round = 0; round < 16; round++) {
    const id = newId();
    await cutOff(['create', '--bundle', bundle.folder, id], (takes * (round + Math.random())) / 14);
    await assertCleaned(id);
  }
});

test('start cut off at any moment leaves what delete --force clears away', async () => {
  const whole = newId();
  await oci.create(whole, bundle);
  const takes = await duration(() => oci.start(whole));
  await assertCleaned(whole);
  for (let round = 0; round < 8; round++) {
    const id = newId();
    assert.equal((await oci.create(id, bundle)).code, 0);
    await cutOff(['start', id], (takes * (round + Math.random())) / 7);
    await assertCleaned(id);
  }
});

test('run cut off takes its container with it', async () => {
  const id = newId();
  const child = spawn(TARE_OCI, ['--root', oci.root, 'run', '--bundle', bundle.folder, id], { stdio: 'ignore' });
  await until('it runs', async () => (await oci.state(id))?.status === 'running');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await oci.reach(id, 'stopped');
  await assertCleaned(id);
});

test('init is handed to the nearest subreaper, which learns its exit code', async () => {
  const subreaper = buildSubreaper(oci.folder);
  const id = newId();
  const ends = oci.bundle(plainConfig(['/bin/sh', '-c', 'exit 23']));
  const pidFile = join(oci.folder, 'pid');
  const args = [TARE_OCI, '--root', oci.root, 'create', '--bundle', ends.folder, '--pid-file', pidFile, id];
  const reaper = spawn(subreaper, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(reaper, 'close');
  let said = '';
  reaper.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await until('create has ended', () => /^\d+ 0 command$/m.test(said));
  const pid = Number(readFileSync(pidFile, 'utf8'));
  assert.equal(parentOf(pid), reaper.pid);
  assert.equal((await oci.start(id)).code, 0);
  await closed;
  assert.deepEqual(said.trim().split('\n').slice(1), [`${String(pid)} 23`]);
  await oci.reach(id, 'stopped');
  assert.equal((await oci.delete(id)).code, 0);
});
