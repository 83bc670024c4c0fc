/** process.apparmorProfile where the kernel has AppArmor; the profile tare-test denies one path (scripts/vm/profile.apparmor). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOREVER, plainConfig } from '../harness/oci-config.ts';
import { newId } from '../harness/oci.ts';
import { host } from './host.ts';

const PROFILE = 'tare-test';
const TOUCH = 'touch /denied 2>&1; touch /granted && echo granted';
const CONFINED = `cat /proc/self/attr/apparmor/current; ${TOUCH}`;
const CONFINED_OUTPUT = /^tare-test \(enforce\)\ntouch: \/denied: Permission denied\ngranted\n$/;

/** In one go, in the foreground. */
const run = (args: readonly string[], apparmorProfile: string) =>
  host.oci.invoke(['run', '--bundle', host.oci.bundle(plainConfig(args, { apparmorProfile })).folder, newId()]);

test('tare-oci: the profile is in force for init and for an exec', async () => {
  const init = await run(['sh', '-c', CONFINED], PROFILE);
  assert.match(init.stdout, CONFINED_OUTPUT, init.stderr);
  const id = newId();
  const { code, stderr } = await host.oci.create(
    id,
    host.oci.bundle(plainConfig(FOREVER, { apparmorProfile: PROFILE })),
  );
  assert.equal(code, 0, stderr);
  assert.equal((await host.oci.start(id)).code, 0);
  const exec = await host.oci.exec(id, ['sh', '-c', CONFINED]);
  assert.match(exec.stdout, CONFINED_OUTPUT, exec.stderr);
  await host.oci.delete(id, true);
});

test('a profile that is not loaded is refused by its name; unconfined is none', async () => {
  const missing = await run(FOREVER, 'tare-nothere');
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /apparmor/);
  const free = await run(['sh', '-c', CONFINED], 'unconfined');
  assert.equal(free.stdout, 'unconfined\ngranted\n', free.stderr);
});

test('the daemon: the profile is in force', async () => {
  const { stdout } = await host.daemon.runToEnd(['sh', '-c', CONFINED], {
    oci: { process: { apparmorProfile: PROFILE } },
  });
  assert.match(stdout, CONFINED_OUTPUT);
});
