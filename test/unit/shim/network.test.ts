/** A shim that is started in a new network namespace, for its init to be born in. */
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { CLONE_FLAGS } from '../../../daemon/runtime/plan/kernel.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { Shim, plan } from './shim.ts';

const SLEEP = ['/bin/sleep', '1000'];
const OWN = readlinkSync('/proc/self/ns/net');

const networkOf = (pid: number | bigint): string => readlinkSync(`/proc/${String(pid)}/ns/net`);

async function newShim(t: Parameters<typeof Shim.run>[0]) {
  const shim = await Shim.run(t, { options: ['--new-network'] });
  const pid = shim.child.pid ?? 0;
  return { client: shim.client(), pid, network: networkOf(pid) };
}

test('init is born in the network namespace of the shim, which then is in its own again', async (t) => {
  const { client, pid, network } = await newShim(t);
  assert.notEqual(network, OWN);
  const init = await client.started({ plan: plan([], SLEEP, CLONE_FLAGS.network | CLONE_FLAGS.pid) });
  assert.equal(networkOf(init.pid), network);
  assert.equal(networkOf(pid), OWN);
  const exec = await client.started({ process: 'exec', plan: plan([], SLEEP) });
  assert.equal(networkOf(exec.pid), OWN);
});

test('another process of the shim leaves it to init', async (t) => {
  const { client, pid, network } = await newShim(t);
  await client.started({ process: 'holder', plan: plan([], SLEEP, CLONE_FLAGS.user) });
  assert.equal(networkOf(pid), network);
  const init = await client.started({ plan: plan([], SLEEP, CLONE_FLAGS.network) });
  assert.equal(networkOf(init.pid), network);
});

test('an init that stays in the host’s network is born there', async (t) => {
  const { client, pid } = await newShim(t);
  const init = await client.started({ plan: plan([], SLEEP, CLONE_FLAGS.pid) });
  assert.deepEqual([networkOf(init.pid), networkOf(pid)], [OWN, OWN]);
});

test('a user namespace owns a network namespace of its own', async (t) => {
  const { client, pid, network } = await newShim(t);
  const maps: Operation[] = [
    { op: 'gid_map', map: '0 0 1\n', deny_setgroups: 0 },
    { op: 'uid_map', map: '0 0 1\n' },
    { op: 'await_settled' },
  ];
  const init = await client.started({ plan: plan(maps, SLEEP, CLONE_FLAGS.network | CLONE_FLAGS.user) });
  assert.ok(![network, OWN].includes(networkOf(init.pid)));
  assert.equal(networkOf(pid), OWN);
});

test('where none can be made init gets one at its birth', async (t) => {
  // A user namespace without maps, in which the limit of network namespaces is none.
  const shim = await Shim.run(t, {
    prefix: [
      'unshare',
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      'echo 0 > /proc/sys/user/max_net_namespaces; exec "$0" "$@"',
    ],
    options: ['--new-network'],
  });
  assert.equal(networkOf(shim.child.pid ?? 0), OWN);
  const answer = await shim.client().start({ plan: plan([], SLEEP, CLONE_FLAGS.network) });
  assert.ok(answer.is === 'failed', JSON.stringify(answer));
  assert.equal(answer.step, 'clone3');
});
