import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { Shim, alive, command, eventually, plan, shell, type Answer } from './shim.ts';

const EBUSY = 16;

test('every kind of exit code reaches the subscriber, the status and the record', async (t) => {
  for (const code of [0, 1, 42, 127, 255]) {
    const shim = await Shim.run(t);
    const client = await shim.client().subscribe();
    const { pid, start_time: startTime } = await client.started({
      plan: shell(`exit ${String(code)}`),
      record: shim.path('exit.json'),
    });
    assert.ok(pid > 0 && startTime > 0);
    const exit = await client.exited();
    assert.deepEqual([exit.code, exit.signal, exit.oom_kills], [code, 0, 0]);
    const record = JSON.parse(readFileSync(shim.path('exit.json'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(record), ['version', 'code', 'signal', 'oom_kills', 'at']);
    assert.deepEqual({ ...record, at: '' }, { version: 1, code, signal: 0, oom_kills: 0, at: '' });
    assert.match(String(record.at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(BigInt(Date.parse(String(record.at))), BigInt(exit.ended_at) / 1_000_000n);
    assert.deepEqual(
      readdirSync(shim.directory).filter((name) => name.includes('tmp')),
      [],
    );
    const [process] = await client.status();
    assert.deepEqual([process?.state, process?.code, process?.pid, process?.start_time], [2, code, pid, startTime]);
    await client.expect('ok', { is: 'forget', tag: 0, process: '' });
    await shim.gone();
    assert.ok(!existsSync(shim.socket));
  }
});

test('signals: sent by pidfd, told as 128 + number', async (t) => {
  for (const [signal, code] of [
    [9, 137],
    [15, 143],
    [10, 138],
  ] as const) {
    const shim = await Shim.run(t);
    const client = await shim.client().subscribe();
    await client.started({ plan: command('/bin/sleep', '1000') });
    await client.expect('ok', { is: 'signal', tag: 0, process: '', signal });
    const exit = await client.exited();
    assert.deepEqual([exit.code, exit.signal], [code, signal]);
    assert.equal((await client.expect('error', { is: 'signal', tag: 0, process: '', signal })).errno, 3);
  }
});

test('the start time is that of /proc, also with blanks and brackets in the name of the program', async (t) => {
  const shim = await Shim.run(t);
  const name = shim.path('a ) name (');
  copyFileSync('/bin/sleep', name);
  const started = await shim.client().started({ plan: command(name, '1000') });
  const stat = readFileSync(`/proc/${String(started.pid)}/stat`, 'utf8');
  assert.equal(String(started.start_time), stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
});

test('a signal that is none is refused by the kernel', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  await client.started({ plan: command('/bin/sleep', '1000') });
  for (const signal of [65, 2 ** 31, 2 ** 40]) {
    assert.equal((await client.expect('error', { is: 'signal', tag: 0, process: '', signal })).errno, 22);
  }
});

test('the program starts with a clean slate: no signal blocked or ignored, OOM score and descriptors its own', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  await client.attach();
  await client.started({
    stdio: STDIO.pipes,
    plan: shell('grep -E "^Sig(Blk|Ign)" /proc/self/status; cat /proc/self/oom_score_adj; ls /proc/self/fd'),
  });
  await client.detached();
  const mine = readFileSync('/proc/self/oom_score_adj', 'utf8').trim();
  assert.deepEqual(client.text().trim().split(/\s+/), [
    'SigBlk:',
    '0000000000000000',
    'SigIgn:',
    '0000000000000000',
    mine,
    '0',
    '1',
    '2',
    '3',
  ]);
});

test('a launch that fails says which operation, step, errno and path, and leaves nothing', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const waiting = shim.client();
  await waiting.attach();
  const failed = await client.start({
    plan: command('/nonexistent/program'),
    record: shim.path('exit.json'),
    stdio: STDIO.pipes,
  });
  assert.equal(failed.is, 'failed');
  const { operation, errno, path } = failed;
  assert.deepEqual([operation, errno, path], [2, 2, '/nonexistent/program']);
  assert.equal((await waiting.detached()).reason, 'failed');
  await waiting.closed();
  assert.ok(!existsSync(shim.path('exit.json')));
  assert.equal(
    (
      await client.expect('error', {
        is: 'start',
        tag: 0,
        process: '',
        stdio: 0,
        flags: 0,
        log: '',
        log_max_bytes: 0,
        log_max_files: 0,
        record: '',
        oom: '',
        plan: command('/bin/true'),
      })
    ).errno,
    EBUSY,
  );
  client.socket.destroy();
  await shim.gone();
});

test('a log that cannot be opened fails the launch', async (t) => {
  const shim = await Shim.run(t);
  const failed = (await shim
    .client()
    .start({ plan: command('/bin/true'), log: shim.path('missing/log') })) as Answer<'failed'>;
  assert.deepEqual(
    [failed.is, failed.operation, failed.step, failed.errno, failed.path],
    ['failed', -1, 'open log', 2, shim.path('missing/log')],
  );
});

test('what a start cannot mean is refused before anything is done', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  for (const fields of [
    { stdio: 4 },
    { flags: 4 },
    { log: 'log' },
    { record: 'x/exit.json' },
    { oom: '.' },
    { process: 'x'.repeat(256) },
  ]) {
    const answer = await client.start({ plan: command('/bin/true'), ...fields });
    assert.equal(answer.is === 'error' && answer.errno, 22, JSON.stringify(fields));
  }
  assert.deepEqual(await client.status(), []);
  await client.expect('ok', { is: 'shutdown', tag: 0 });
  await shim.gone();
});

test('create and go: nothing runs before go', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const created = await client.start({
    plan: plan(
      [{ op: 'await_settled' }, { op: 'await_go' }],
      ['/bin/sh', '-c', `echo ran > ${shim.path('ran')}; exit 4`],
    ),
  });
  assert.equal(created.is, 'created', JSON.stringify(created));
  assert.equal((await client.status())[0]?.state, 0);
  assert.ok(!existsSync(shim.path('ran')));
  const started = await client.expect('started', { is: 'go', tag: 0, process: '' });
  assert.equal(started.pid, created.pid);
  assert.equal((await client.exited()).code, 4);
  assert.equal(readFileSync(shim.path('ran'), 'utf8'), 'ran\n');
});

test('a go that comes ahead of its stop: both are answered, and init does not wait', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const started = client.start({
    plan: plan([{ op: 'await_settled' }, { op: 'await_go' }], ['/bin/sh', '-c', 'exit 4']),
  });
  const went = client.request({ is: 'go', tag: 0, process: '' });
  const answers = await Promise.all([started, went]);
  assert.deepEqual(
    answers.map(({ is }) => is),
    ['created', 'started'],
  );
  assert.equal((await client.exited()).code, 4);
});

test('a go is for one stop: at the next one init waits', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const twice = plan([{ op: 'await_settled' }, { op: 'await_go' }, { op: 'await_go' }], ['/bin/true']);
  const answers = await Promise.all([client.start({ plan: twice }), client.request({ is: 'go', tag: 0, process: '' })]);
  assert.deepEqual(
    answers.map(({ is }) => is),
    ['created', 'created'],
  );
  assert.equal((await client.status())[0]?.state, 0);
  await client.expect('started', { is: 'go', tag: 0, process: '' });
  assert.equal((await client.exited()).code, 0);
});

test('a go that comes ahead of a stop that is never reached is answered as the start is', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const lost = plan(
    [{ op: 'await_settled' }, { op: 'working_directory', path: '/nonexistent', create: 0 }, { op: 'await_go' }],
    ['/bin/true'],
  );
  const answers = await Promise.all([client.start({ plan: lost }), client.request({ is: 'go', tag: 0, process: '' })]);
  assert.equal(answers[0].is, 'failed', JSON.stringify(answers));
  // the failure may have been told, and forgotten, before it came
  assert.ok(['failed', 'error'].includes(answers[1].is), JSON.stringify(answers));
});

test('a created process that is killed before go has ended, and go says so', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const created = await client.start({
    plan: plan([{ op: 'await_settled' }, { op: 'await_go' }], ['/bin/true']),
    record: shim.path('exit.json'),
  });
  assert.equal(created.is, 'created', JSON.stringify(created));
  await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
  assert.deepEqual([(await client.exited()).code], [137]);
  assert.ok(!existsSync(shim.path('exit.json')), 'its program never ran');
  await client.expect('error', { is: 'go', tag: 0, process: '' });
});

test('a second start is refused, go and shutdown too while it runs', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  await client.started({ plan: command('/bin/sleep', '1000') });
  const again = await client.start({ plan: command('/bin/true') });
  assert.equal(again.is, 'error');
  assert.equal(again.errno, EBUSY);
  for (const is of ['go', 'forget'] as const) {
    assert.equal((await client.expect('error', { is, tag: 0, process: '' })).errno, EBUSY);
  }
  assert.equal((await client.expect('error', { is: 'shutdown', tag: 0 })).errno, EBUSY);
});

test('execs: their own streams, ends and names; a failed one is forgotten, an ended one on request', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  await client.started({ plan: command('/bin/sleep', '1000') });
  const attached = shim.client();
  await attached.attach('one');
  await client.started({ process: 'one', stdio: STDIO.pipes, plan: shell('echo from exec; exit 9') });
  assert.equal((await client.exited('one')).code, 9);
  assert.equal((await attached.detached()).reason, 'ended');
  assert.equal(attached.text(), 'from exec\n');
  assert.equal((await attached.exited('one')).code, 9);

  assert.equal((await client.start({ process: 'two', plan: command('/nonexistent') })).is, 'failed');
  assert.deepEqual((await client.status()).map(({ process, state }) => [process, state]).sort(), [
    ['', 1],
    ['one', 2],
  ]);
  await client.expect('ok', { is: 'forget', tag: 0, process: 'one' });
  assert.deepEqual(
    (await client.status()).map(({ process }) => process),
    [''],
  );
  assert.equal((await client.expect('error', { is: 'forget', tag: 0, process: 'one' })).errno, 3);
  await client.started({ process: 'one', plan: command('/bin/true') });
  await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
  await client.exited();
});

test('a subscriber that comes late is told of what ended before', async (t) => {
  const shim = await Shim.run(t);
  const first = await shim.client().subscribe();
  await first.started({ plan: command('/bin/sleep', '1000') });
  await first.started({ process: 'a', plan: shell('exit 1') });
  await first.exited('a');
  const late = await shim.client().subscribe();
  assert.equal((await late.exited('a')).code, 1);
});

test('orphans of a container without a pid namespace are reaped, also while others are launched', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const file = shim.path('orphans');
  await client.started({
    plan: shell(
      `for i in 1 2 3 4 5 6 7 8; do (sleep 0.1 & echo $! >> ${file}) & done; wait; echo end >> ${file}; exec sleep 1000`,
    ),
  });
  for (let i = 0; i < 10; i++) await client.started({ process: `e${String(i)}`, plan: command('/bin/true') });
  const lines = await eventually('eight orphans', () => {
    const all = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    return all.includes('end') ? all : undefined;
  });
  const pids = lines.filter((line) => line !== 'end');
  assert.equal(pids.length, 8);
  for (const pid of pids) await eventually(`${pid} reaped`, () => !existsSync(`/proc/${pid}`));
  for (let i = 0; i < 10; i++) assert.equal((await client.exited(`e${String(i)}`)).code, 0);
});

test('kills by the OOM killer are counted from the file of the control group', async (t) => {
  for (const [text, kills] of [
    ['oom_kill_disable 0\nunder_oom 0\noom_kill 3\n', 3],
    ['low 0\noom 2\noom_kill 7\noom_group_kill 0\n', 7],
    ['', 0],
  ] as const) {
    const shim = await Shim.run(t);
    writeFileSync(shim.path('oom'), text);
    const client = await shim.client().subscribe();
    await client.started({ plan: command('/bin/true'), oom: shim.path('oom') });
    assert.equal((await client.exited()).oom_kills, kills);
  }
});

test('a background process that holds the output open does not hold the end back', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  await client.attach();
  await client.started({
    stdio: STDIO.pipes,
    plan: shell(`sleep 1000 & echo $! > ${shim.path('pid')}; echo done`),
    log: shim.path('log'),
  });
  assert.equal((await client.detached()).reason, 'ended');
  assert.equal(client.text(), 'done\n');
  process.kill(Number(readFileSync(shim.path('pid'), 'utf8')), 'SIGKILL');
});

test('a shim that is killed takes its container with it', async (t) => {
  const shim = await Shim.run(t);
  const { pid } = await shim.client().started({ plan: command('/bin/sleep', '1000') });
  assert.ok(alive(Number(pid)));
  shim.child.kill('SIGKILL');
  assert.equal(await shim.ended, 'SIGKILL');
  await eventually('its end', () => !alive(Number(pid)));
});

test('a FIFO in the place of a pid namespace does not hold the shim up', async (t) => {
  const shim = await Shim.run(t);
  const fifo = shim.path('fifo');
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  const answer = await shim.client().start({
    stdio: STDIO.null,
    plan: encodePlan([
      { op: 'birth_namespace', type: 0x2000_0000, host: fifo },
      { op: 'clone', flags: 0 },
      { op: 'exec', file: '', argv: ['/bin/true'] },
    ]),
  });
  assert.ok(answer.is === 'failed', JSON.stringify(answer));
  assert.equal(answer.step, 'setns');
});
