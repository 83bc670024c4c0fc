import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runHostHook } from '../../../daemon/runtime/hooks/run-host-hook.ts';
import { stateText } from '../../../daemon/runtime/hooks/state.ts';
import { until } from '../../harness/until.ts';

let folder: string;
const state = stateText({ id: 'c1', status: 'creating', pid: 17, bundle: '/b', annotations: { a: 'b' } });

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-hooks-'));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = (args: readonly string[], more: { env?: string[]; timeout?: number; path?: string } = {}) => {
  const { path = '/bin/sh', ...rest } = more;
  return runHostHook({ path, args: [...args], ...rest }, { state, bundle: folder });
};
/** Runs a script of /bin/sh whose output is in the file `out` of the folder. */
const script = (text: string, more: { env?: string[]; timeout?: number } = {}) => run(['sh', '-c', text], more);
const written = (name: string) => readFileSync(join(folder, name), 'utf8');

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${String(pid)}`);
}

test('a hook is given the state on stdin, in the order of the specification', async () => {
  assert.deepEqual(await script('cat > stdin'), { is: 'exited', code: 0, output: '' });
  assert.equal(
    written('stdin'),
    '{"ociVersion":"1.3.0","id":"c1","status":"creating","pid":17,"bundle":"/b","annotations":{"a":"b"}}',
  );
  assert.equal(
    stateText({ id: 'x', status: 'stopped', bundle: '/' }),
    '{"ociVersion":"1.3.0","id":"x","status":"stopped","bundle":"/"}',
  );
});

test('it runs in the bundle, or in / where that is gone', async () => {
  await script('pwd -P > where');
  assert.equal(written('where'), `${folder}\n`);
  const end = await runHostHook(
    { path: '/bin/sh', args: ['sh', '-c', 'pwd >&2; exit 1'] },
    { state, bundle: join(folder, 'nothing') },
  );
  assert.deepEqual(end, { is: 'exited', code: 1, output: '/\n' });
});

test('its environment is exactly what is asked for, and empty where nothing is', async () => {
  // cat itself, with no shell in between that would set variables of its own
  const environ = (env?: string[]) => run(['cat', '/proc/self/environ'], { path: '/bin/cat', ...(env && { env }) });
  assert.deepEqual(await environ(['PATH=/bin', 'A=1', 'B=two words', 'EMPTY=', 'A=2']), {
    is: 'exited',
    code: 0,
    output: 'PATH=/bin\0A=1\0B=two words\0EMPTY=\0A=2\0',
  });
  assert.deepEqual(await environ(), { is: 'exited', code: 0, output: '' });
  assert.deepEqual(await environ([]), { is: 'exited', code: 0, output: '' });
});

test('argv is args, whose first may be anything, or the path alone', async () => {
  const probe = makeProbe('probe', '#!/bin/sh\ntr "\\0" "|" < /proc/$$/cmdline > argv\n');
  await run(['a name', 'x', '', 'y z'], { path: probe });
  assert.equal(written('argv'), `/bin/sh|${probe}|x||y z|`);
  await run([], { path: probe });
  assert.equal(written('argv'), `/bin/sh|${probe}|`);
  // no script: there the kernel passes argv[0] on
  assert.deepEqual(await run(['zero', '-c', 'echo $0 >&2; exit 2', 'name']), {
    is: 'exited',
    code: 2,
    output: 'name\n',
  });
});

test('it leads a session of its own and has no descriptor but stdio', async () => {
  await script('cut -d " " -f 6 /proc/$$/stat > session; echo $$ >> session; ls /proc/$$/fd > fds; umask > umask');
  const [session, pid] = written('session').split('\n');
  assert.equal(session, pid);
  assert.deepEqual(
    written('fds')
      .split('\n')
      .filter((fd) => fd !== '' && Number(fd) < 10),
    ['0', '1', '2'],
  );
});

test('an exit code is told with the last words, from stderr or else stdout', async () => {
  assert.deepEqual(await script('echo out; echo first >&2; echo last >&2; exit 3'), {
    is: 'exited',
    code: 3,
    output: 'first\nlast\n',
  });
  assert.deepEqual(await script('echo out; exit 255'), { is: 'exited', code: 255, output: 'out\n' });
});

test('a hook that does not read the state, however long, is no failure', async () => {
  const long = stateText({ id: 'c1', status: 'created', bundle: '/b', annotations: { a: 'x'.repeat(1_000_000) } });
  const end = await runHostHook({ path: '/bin/true' }, { state: long, bundle: folder });
  assert.deepEqual(end, { is: 'exited', code: 0, output: '' });
  const counted = await runHostHook(
    { path: '/bin/sh', args: ['sh', '-c', 'wc -c > count'] },
    { state: long, bundle: folder },
  );
  assert.equal(counted.is, 'exited');
  assert.equal(Number(written('count')), long.length);
});

test('of an output without bounds the end is kept', async () => {
  const end = await script('head -c 30000000 /dev/zero | tr "\\0" x >&2; echo >&2; echo the end >&2; exit 1');
  assert.ok(end.is === 'exited');
  assert.ok(end.output.length <= 4096);
  assert.match(end.output, /\nthe end\n$/);
});

test('a hook that is killed says by what', async () => {
  assert.deepEqual(await script('kill -SEGV $$'), { is: 'killed', signal: 'SIGSEGV', output: '' });
});

test('after its timeout it is killed with its children, also where these hold its pipes', async () => {
  const end = await script('sleep 1000 & echo $! > child; echo waiting >&2; wait', { timeout: 1 });
  assert.deepEqual(end, { is: 'timeout', seconds: 1, output: 'waiting\n' });
  const child = Number(written('child'));
  await until('the child has gone', () => !isAlive(child));
});

test('a child that outlives its hook and holds its pipes does not hold us', async () => {
  const end = await script('sleep 1000 & echo $! > left; echo said >&2; exit 4');
  assert.deepEqual(end, { is: 'exited', code: 4, output: 'said\n' });
  process.kill(Number(written('left')), 'SIGKILL');
});

test('it is killed when nobody waits for it any more', async () => {
  const abort = new AbortController();
  const end = runHostHook(
    { path: '/bin/sh', args: ['sh', '-c', 'echo > begun; sleep 1000'] },
    { state, bundle: folder, signal: abort.signal },
  );
  await until('it has begun', () => existsSync(join(folder, 'begun')));
  abort.abort();
  assert.deepEqual(await end, { is: 'aborted', output: '' });
  const early = await runHostHook(
    { path: '/bin/sleep', args: ['sleep', '1000'] },
    { state, bundle: folder, signal: abort.signal },
  );
  assert.equal(early.is, 'aborted');
});

test('a file that is not there, not executable or no program is told by its error', async () => {
  const reason = async (path: string) => {
    const end = await run([], { path });
    assert.ok(end.is === 'unstartable');
    return end.reason;
  };
  assert.match(await reason(join(folder, 'missing')), /^ENOENT: /);
  writeFileSync(join(folder, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
  assert.match(await reason(join(folder, 'plain')), /^EACCES: /);
  assert.match(await reason(makeProbe('text', 'neither\n')), /^ENOEXEC: /);
  assert.match(await reason(makeProbe('lost', '#!/nonexistent/interpreter\n')), /^ENOENT: /);
});

test('nothing of it is left open in this process', async () => {
  await script('exit 0');
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 20; i += 1) await script('echo x; echo y >&2');
  await run([], { path: '/nonexistent' });
  await until('every descriptor is closed', () => readdirSync('/proc/self/fd').length <= before);
});

function makeProbe(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}
