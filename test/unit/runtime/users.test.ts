import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import { resolveUser } from '../../../daemon/runtime/spec/users.ts';

const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  '# a comment',
  '1000:x:77:78:a user named like a number:/home/number:/bin/sh',
  'web:x:1000:1001::/srv/web:/bin/false',
  'huge:x:4294967296:0::/:/bin/sh',
  'minus:x:-1:0::/:/bin/sh',
  'broken',
  'homeless:x:5:5::',
].join('\n');
const GROUP = ['root:x:0:', 'web:x:1001:', 'disk:x:6:web,other', 'tape:x:26:other,web', 'wheel:x:10:root'].join('\n');

let base = '';
let root = '';

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tare-users-'));
  root = join(base, 'root');
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), PASSWD);
  writeFileSync(join(root, 'etc/group'), GROUP);
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

function refused(user: string, groups: string[] = []): SpecError {
  try {
    resolveUser({ root, user, groups });
  } catch (error) {
    assert.ok(error instanceof SpecError, String(error));
    return error;
  }
  return assert.fail('was accepted');
}

test('names, numbers and their groups', () => {
  const web = { uid: 1000, gid: 1001, additionalGids: [6, 26], name: 'web', home: '/srv/web' };
  assert.deepEqual(resolveUser({ root, user: 'web' }), web);
  assert.deepEqual(resolveUser({ root, user: '1000' }), web);
  assert.deepEqual(resolveUser({ root, user: 'web:disk' }), { ...web, gid: 6, additionalGids: [] });
  assert.deepEqual(resolveUser({ root, user: '0:26', groups: ['26', 'disk', '7'] }), {
    uid: 0,
    gid: 26,
    additionalGids: [6, 7],
    name: 'root',
    home: '/root',
  });
  assert.deepEqual(resolveUser({ root, user: '' }), {
    uid: 0,
    gid: 0,
    additionalGids: [10],
    name: 'root',
    home: '/root',
  });
  assert.equal(resolveUser({ root, user: 'homeless' }).home, undefined);
});

test('a number without an entry, and a root without the files', () => {
  const nobody = { uid: 4294967294, gid: 0, additionalGids: [], name: undefined, home: undefined };
  assert.deepEqual(resolveUser({ root, user: '4294967294' }), nobody);
  rmSync(join(root, 'etc'), { recursive: true });
  assert.deepEqual(resolveUser({ root, user: '1:2' }), { ...nobody, uid: 1, gid: 2 });
  assert.equal(refused('web').field, 'user');
});

test('ids that are none are refused, whether asked for or found in the file', () => {
  for (const user of [
    '4294967296',
    '4294967295',
    '-1',
    '+5',
    '0:4294967296',
    'huge',
    'minus',
    'nobody',
    'web:',
    ':x',
  ]) {
    assert.equal(refused(user).field, 'user', user);
  }
  assert.equal(refused('0', ['6', 'nogroup']).field, 'groups[1]');
});

test('a FIFO, a directory and a device are not read', () => {
  const passwd = join(root, 'etc/passwd');
  rmSync(passwd);
  execFileSync('mkfifo', [passwd]);
  assert.match(refused('web').message, /not a regular file/);
  rmSync(passwd);
  mkdirSync(passwd);
  assert.match(refused('web').message, /not a regular file/);
  rmSync(passwd, { recursive: true });
  symlinkSync('/dev/zero', passwd);
  assert.match(refused('web').message, /there is no user/);
});

test('a link leads nowhere but into the root', () => {
  const passwd = join(root, 'etc/passwd');
  writeFileSync(join(base, 'outside'), 'web:x:0:0::/:/bin/sh\n');
  for (const to of ['../../outside', join(base, 'outside'), '/proc/self/root/etc/passwd']) {
    rmSync(passwd);
    symlinkSync(to, passwd);
    assert.match(refused('web').message, /there is no user/, to);
  }
  rmSync(passwd);
  writeFileSync(join(root, 'accounts'), 'web:x:12:13::/:/bin/sh\n');
  symlinkSync('/accounts', passwd);
  assert.equal(resolveUser({ root, user: 'web' }).uid, 12);
});

test('a file of gigabytes is refused', () => {
  truncateSync(join(root, 'etc/group'), 4 * 1024 * 1024 * 1024);
  assert.match(refused('web').message, /\/etc\/group is larger/);
});
