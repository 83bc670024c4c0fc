import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { Shim, alive, eventually } from '../shim/shim.ts';
import {
  MOUNT_DEV,
  MOUNT_PROC,
  containerPlan,
  makeRoot,
  nullDevice,
  runScript,
  temporaryDirectory,
} from './container.ts';

test('init waits for the start; then it goes on', async (t) => {
  const directory = temporaryDirectory(t);
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  await client.attach();
  const root = makeRoot(join(directory, 'root'));
  const plan = containerPlan({ root, at, late: [{ op: 'await_go' }], argv: ['echo', 'went'] });
  const created = await client.start({ plan: encodePlan(plan), stdio: STDIO.pipes });
  assert.equal(created.is, 'created', JSON.stringify(created));
  await client.expect('started', { is: 'go', tag: 0, process: '' });
  await client.exited();
  assert.equal(client.text(), 'went\n');
});

test('the container ends with a shim that is killed: as root, as another user, before the start', async (t) => {
  const users: Operation[][] = [
    [],
    [
      { op: 'bounding_set', capabilities: 0 },
      { op: 'user', uid: 1234, gid: 1234, groups: [] },
      { op: 'capabilities', effective: 0, permitted: 0, inheritable: 0, ambient: 0 },
    ],
    [{ op: 'await_go' }],
  ];
  for (const late of users) {
    const directory = temporaryDirectory(t);
    const at = join(directory, 'mnt');
    mkdirSync(at);
    const shim = await Shim.run(t);
    const root = makeRoot(join(directory, 'root'));
    const plan = containerPlan({ root, at, late, argv: ['sleep', '1000'] });
    const answer = await shim.client().start({ plan: encodePlan(plan), stdio: STDIO.null });
    assert.ok(answer.is === 'started' || answer.is === 'created', JSON.stringify(answer));
    assert.ok(alive(Number(answer.pid)));
    shim.child.kill('SIGKILL');
    await eventually('init is gone', () => !alive(Number(answer.pid)));
  }
});

test('a root that is swapped by renames all the while: nothing is made or mounted outside', async (t) => {
  const directory = temporaryDirectory(t);
  const canary = join(directory, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'alive'), '');
  const root = makeRoot(join(directory, 'root'));
  mkdirSync(join(root, 'a/deep'), { recursive: true });
  symlinkSync(canary, join(root, 'b'));
  // Swaps a (a directory) and b (a link to the canary) as fast as it can, with a moment in which a is missing.
  const swapper = spawn(process.execPath, [
    '-e',
    `const { renameSync } = require('node:fs');
     process.chdir(${JSON.stringify(root)});
     // What init makes while a is missing stands in the way of a rename.
     const swap = (from, to) => { try { renameSync(from, to); } catch {} };
     for (;;) { swap('a', 'c'); swap('b', 'a'); swap('a', 'b'); swap('c', 'a'); }`,
  ]);
  const gone = once(swapper, 'exit');
  const at = join(directory, 'mnt');
  mkdirSync(at);
  try {
    for (let round = 0; round < 40; round++) {
      await runScript(t, 'true', {
        root,
        at,
        rootOperation: { op: 'root_bind', source: root, at },
        mounts: [
          MOUNT_PROC,
          ...MOUNT_DEV,
          { op: 'directory', path: `/a/deep/directory-${String(round)}`, mode: 0o755, uid: 0, gid: 0 },
          nullDevice(`/a/deep/null-${String(round)}`),
          {
            op: 'mount',
            type: 'tmpfs',
            source: 'tmpfs',
            target: `/a/deep/mount-${String(round)}`,
            options: [],
            attributes: 0,
            flags: 0,
          },
          { op: 'masked', path: '/a/deep' },
        ],
      });
      assert.deepEqual(readdirSync(canary), ['alive']);
    }
  } finally {
    // Before the directory is removed.
    swapper.kill('SIGKILL');
    await gone;
  }
});
