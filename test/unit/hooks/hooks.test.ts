import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  HOOK_KINDS,
  HookError,
  argvOf,
  isFatal,
  runHooks,
  timeoutOf,
  type HookEnd,
} from '../../../daemon/runtime/hooks/hooks.ts';
import type { Hooks } from '../../../daemon/runtime/spec/types.ts';

const GOOD: HookEnd = { is: 'exited', code: 0, output: '' };
const BAD: HookEnd = { is: 'exited', code: 3, output: 'first\ncannot frob\n\n' };

const HOOKS: Hooks = {
  createRuntime: [{ path: '/a' }, { path: '/b' }, { path: '/c' }],
  poststart: [{ path: '/a' }, { path: '/b' }],
  poststop: [{ path: '/a' }, { path: '/b' }, { path: '/c' }],
};

/** What was run and what was warned of; `ends` by path, GOOD where none is given. */
async function play(
  kind: 'createRuntime' | 'poststart' | 'poststop',
  ends: Record<string, HookEnd>,
  version: string,
  first?: number,
) {
  const ran: string[] = [];
  const warned: string[] = [];
  let error: unknown;
  try {
    await runHooks(
      kind,
      {
        ociVersion: version,
        hooks: HOOKS,
        run: ({ path }, index) => {
          ran.push(`${String(index)} ${path}`);
          return Promise.resolve(ends[path] ?? GOOD);
        },
        warn: ({ message }) => warned.push(message),
      },
      first,
    );
  } catch (thrown) {
    error = thrown;
  }
  return { ran, warned, error };
}

test('hooks of a kind are run in their order, from the one that is asked for', async () => {
  assert.deepEqual((await play('createRuntime', {}, '1.3.0')).ran, ['0 /a', '1 /b', '2 /c']);
  assert.deepEqual((await play('poststop', {}, '1.3.0', 2)).ran, ['2 /c']);
  assert.deepEqual((await play('poststop', {}, '1.3.0', 3)).ran, []);
  await runHooks('prestart', {
    ociVersion: '1.3.0',
    hooks: undefined,
    run: () => assert.fail(),
    warn: () => undefined,
  });
});

test('the first that fails before the program runs ends it all, by a name, a number, a path and its words', async () => {
  const { ran, warned, error } = await play('createRuntime', { '/b': BAD }, '1.0.2');
  assert.deepEqual([ran, warned], [['0 /a', '1 /b'], []]);
  assert.ok(error instanceof HookError);
  assert.equal(error.message, 'createRuntime hook 1 (/b): exit code 3: cannot frob');
  assert.deepEqual([error.kind, error.index, error.path, error.end], ['createRuntime', 1, '/b', BAD]);
});

test('a poststop hook that fails is warned of and the others are run', async () => {
  const { ran, warned, error } = await play('poststop', { '/a': BAD, '/b': BAD }, '1.3.0');
  assert.deepEqual(ran, ['0 /a', '1 /b', '2 /c']);
  assert.equal(warned.length, 2);
  assert.equal(error, undefined);
});

test('a poststart hook that fails is fatal from version 1.3.0 of the specification on', async () => {
  const before = await play('poststart', { '/a': BAD }, '1.2.1');
  assert.deepEqual([before.ran, before.warned.length, before.error], [['0 /a', '1 /b'], 1, undefined]);
  const since = await play('poststart', { '/a': BAD }, '1.3.0');
  assert.deepEqual([since.ran, since.warned], [['0 /a'], []]);
  assert.ok(since.error instanceof HookError);
  for (const version of ['1.3.0-dev', '1.4.2', '1.10.0', '2.0.0']) assert.ok(isFatal('poststart', version), version);
  for (const version of ['1.0.0', '1.0.2-dev', '1.2.1+dev']) assert.ok(!isFatal('poststart', version), version);
  for (const kind of HOOK_KINDS.slice(0, 4)) assert.ok(isFatal(kind, '1.0.0'), kind);
});

test('each way to end badly has its words', () => {
  const words = (end: HookEnd) => new HookError('prestart', 0, '/x', end).message;
  assert.equal(words({ is: 'exited', code: 1, output: '' }), 'prestart hook 0 (/x): exit code 1');
  assert.equal(words({ is: 'killed', signal: 'SIGSEGV', output: '' }), 'prestart hook 0 (/x): killed by SIGSEGV');
  assert.equal(
    words({ is: 'timeout', seconds: 2, output: 'still at it\n' }),
    'prestart hook 0 (/x): killed after its timeout of 2 s: still at it',
  );
  assert.match(words({ is: 'aborted', output: '' }), /nobody waits for it any more$/);
  assert.equal(words({ is: 'unstartable', reason: 'ENOENT' }), 'prestart hook 0 (/x): cannot be executed: ENOENT');
});

test('what a hook says cannot forge a line of a log, and is not endless', () => {
  const { message } = new HookError('prestart', 0, '/x', { is: 'exited', code: 1, output: 'a\x1b[31m\tb\0\r' });
  assert.equal(message, 'prestart hook 0 (/x): exit code 1: a [31m b');
  const long = new HookError('prestart', 0, '/x', { is: 'exited', code: 1, output: 'y'.repeat(100_000) });
  assert.ok(long.message.length < 600);
});

test('argv and timeout as they are called with', () => {
  assert.deepEqual(argvOf({ path: '/x' }), ['/x']);
  assert.deepEqual(argvOf({ path: '/x', args: [] }), ['/x']);
  assert.deepEqual(argvOf({ path: '/x', args: ['name', '1'] }), ['name', '1']);
  assert.equal(timeoutOf({ path: '/x' }), undefined);
  assert.equal(timeoutOf({ path: '/x', timeout: 3 }), 3000);
  // what setTimeout would take for 1 ms
  assert.equal(timeoutOf({ path: '/x', timeout: 2_147_483_647 }), 2_147_483_647);
});
