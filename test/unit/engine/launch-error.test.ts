import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchError } from '../../../daemon/engine/launch-error.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';

const bind: Operation = {
  op: 'bind',
  source: '/missing',
  target: '/mnt',
  recursive: 1,
  set: 0,
  clear: 0,
  set_all: 0,
  clear_all: 0,
  propagation: 0,
  tree: -1,
};
const PLAN = encodePlan([{ op: 'clone', flags: 0 }, bind, { op: 'exec', file: '', argv: ['/bin/app', '-x'] }]);

function failed(operation: number, errno: number, path: string, step = 'step') {
  return launchError({ process: '', operation, step, errno, path }, PLAN, 'web');
}

test('the operation, what it does, errno and path are told', () => {
  const error = failed(1, 2, '/missing', 'open_tree');
  assert.equal(error.code, 'launch_failed');
  assert.equal(
    error.message,
    'cannot start web: bind /missing on /mnt: no such file or directory: ENOENT in open_tree',
  );
  assert.deepEqual(error.operation, { index: 1, name: 'bind', step: 'open_tree', errno: 'ENOENT', path: '/missing' });
  assert.match(error.hint ?? '', /source of a bind mount/);
});

test('a path that the description does not have is added', () => {
  assert.match(
    failed(1, 13, '/mnt/further').message,
    /bind \/missing on \/mnt \(\/mnt\/further\): permission denied: EACCES/,
  );
});

test('a command that is not there, and one that cannot be run, have codes and words of their own', () => {
  const missing = failed(2, 2, '/bin/app', 'execve');
  assert.equal(missing.code, 'command_not_found');
  assert.match(missing.message, /"\/bin\/app": executable file not found/);
  const forbidden = failed(2, 13, '/bin/app', 'execve');
  assert.equal(forbidden.code, 'command_not_executable');
  assert.match(forbidden.message, /permission denied/);
  const format = failed(2, 8, '/bin/app', 'execve');
  assert.equal(format.code, 'command_not_executable');
  assert.match(format.message, /exec format error/);
});

test('a full disk is a full disk', () => {
  assert.equal(failed(1, 28, '/mnt', 'mkdirat').code, 'disk_full');
});

test('where no operation was at fault the step is told', () => {
  const error = failed(-1, 0, '', 'garbled plan');
  assert.equal(error.code, 'launch_failed');
  assert.equal(error.message, 'cannot start web: garbled plan');
  assert.equal(error.operation, undefined);
});
