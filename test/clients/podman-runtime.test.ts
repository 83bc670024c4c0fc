/** podman over the runtime: what only a runtime can get wrong, such as hooks, descriptors, and ends that come early. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { until } from '../harness/until.ts';
import { IMAGE } from './image.ts';
import { Podman } from './podman.ts';
import { RUNTIME } from './runtime.ts';

let podman: Podman;
before(async () => {
  podman = await Podman.open();
});
after(() => podman.close());

test('hooks run at their stages, with the state on stdin', async () => {
  const folder = join(podman.room.folder, 'hooks');
  mkdirSync(folder);
  const [log, program] = [join(folder, 'log'), join(folder, 'hook')];
  writeFileSync(log, '');
  writeFileSync(
    program,
    `#!/bin/sh\nread -r state\nprintf '%s %s %s\\n' "$1" "$COLOUR" "$(echo "$state" | grep -o '"status" *: *"[a-z]*"')" >> ${log}\n`,
  );
  chmodSync(program, 0o755);
  for (const stage of ['createRuntime', 'poststart', 'poststop']) {
    const hook = { path: program, args: ['hook', stage], env: ['COLOUR=green', 'PATH=/usr/bin:/bin'] };
    const definition = { version: '1.0.0', hook, when: { always: true }, stages: [stage] };
    writeFileSync(join(folder, `${stage}.json`), JSON.stringify(definition));
  }
  await podman.must('--hooks-dir', folder, ...podman.arguments(['run', '--rm', IMAGE, 'true']));
  const lines = () => readFileSync(log, 'utf8').replaceAll(' ', '').split('\n').filter(Boolean);
  await until('the last hook has run', () => lines().length === 3);
  const [created, started, stopped] = lines();
  assert.match(created ?? '', /^createRuntimegreen"status":"(creating|created)"$/);
  // runc tells its poststart hooks that the container is created.
  assert.match(started ?? '', /^poststartgreen"status":"(created|running|stopped)"$/);
  assert.equal(stopped, 'poststopgreen"status":"stopped"');
});

test('a hook that fails fails the creation, and nothing stays', async () => {
  const folder = join(podman.room.folder, 'failing');
  mkdirSync(folder);
  const hook = { path: '/bin/false', args: ['false'] };
  const definition = { version: '1.0.0', hook, when: { always: true }, stages: ['createRuntime'] };
  writeFileSync(join(folder, 'false.json'), JSON.stringify(definition));
  const { code, stderr } = await podman.run('--hooks-dir', folder, ...podman.arguments(['run', '--rm', IMAGE, 'true']));
  assert.notEqual(code, 0);
  assert.match(stderr, /hook/);
  assert.equal(await podman.must('ps', '--all', '--quiet'), '');
  await until('no conmon is left', async () => (await podman.room.run('pgrep', 'conmon')).stdout === '');
});

test('a warning in the log hides no error, and troubles nobody where there is none', async () => {
  const folder = join(podman.room.folder, 'warned');
  mkdirSync(folder);
  // podman asks for a log in JSON by the name of the program.
  const [wrapper, logs] = [join(folder, 'runc'), join(folder, 'logs')];
  const warning = '{"level":"warning","msg":"odd","time":"2026-03-01T12:00:00Z"}';
  writeFileSync(
    wrapper,
    `#!/bin/sh
for word; do
  [ "$last" != --log ] || { echo '${warning}' >>"$word"; echo "$word" >>${logs}; }
  last=$word
done
exec ${RUNTIME} "$@"
`,
  );
  chmodSync(wrapper, 0o755);
  const run = (command: string) =>
    podman.run('--runtime', wrapper, ...podman.arguments(['run', '--rm', IMAGE, command]));
  const good = await run('true');
  assert.deepEqual([good.code, good.stderr], [0, '']);
  assert.notEqual(readFileSync(logs, 'utf8'), '');
  const bad = await run('/no/such/program');
  assert.equal(bad.code, 127);
  assert.match(bad.stderr, /\/no\/such\/program.*no such file or directory/i);
});

test('--preserve-fds: the descriptor is there, and no other of the host', async () => {
  const file = join(podman.room.folder, 'preserved');
  writeFileSync(file, 'through a descriptor\n');
  const descriptor = openSync(file, 'r');
  try {
    const args = podman.arguments([
      'run',
      '--rm',
      '--preserve-fds',
      '1',
      IMAGE,
      'sh',
      '-c',
      'cat <&3; ls /proc/self/fd',
    ]);
    const child = spawn(podman.command, args, { stdio: ['ignore', 'pipe', 'inherit', descriptor] });
    const [seen] = await Promise.all([text(child.stdout!), once(child, 'close')]);
    // The fourth is that with which ls reads the folder.
    assert.deepEqual(seen.trim().split('\n'), ['through a descriptor', '0', '1', '2', '3', '4']);
  } finally {
    closeSync(descriptor);
  }
});

test('--init: the program is the child of an init that reaps', async () => {
  assert.match(
    await podman.script(
      ['--init', '--init-path', '/usr/bin/tini-static'],
      'cat /proc/1/cmdline | tr "\\0" " "; echo; echo $PPID',
    ),
    /init.*\n1$/,
  );
});

test('a program that ends at once: its code is not lost, in run and exec', async () => {
  await podman.idle('busy');
  for (let code = 0; code < 20; code++) {
    assert.equal((await podman.run('exec', 'busy', 'sh', '-c', `exit ${code}`)).code, code);
  }
  await podman.must('rm', '-f', 'busy');
  for (let code = 0; code < 5; code++) {
    assert.equal((await podman.run('run', '--rm', IMAGE, 'sh', '-c', `exit ${code}`)).code, code);
  }
});

test('started or removed after init', async () => {
  for (const name of ['begun', 'removed']) {
    await podman.must('create', '--name', name, IMAGE, 'sleep', '1000');
    await podman.must('init', name);
  }
  const { Pid } = await podman.state('removed');
  await podman.must('rm', '-f', 'removed');
  assert.notEqual((await podman.room.run('kill', '-0', String(Pid))).code, 0);
  await podman.must('start', 'begun');
  await podman.must('rm', '-f', 'begun');
});

test('attach: the streams of one that runs', async () => {
  await podman.must('run', '-d', '-i', '--name', 'attached', IMAGE, 'sh', '-c', 'read line; echo "got $line"; exit 3');
  const child = spawn(podman.command, ['attach', 'attached'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end('a line\n');
  const [seen] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal(seen.trim(), 'got a line');
  assert.equal(await podman.must('wait', 'attached'), '3');
  await podman.must('rm', 'attached');
});
