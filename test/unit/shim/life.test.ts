import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ATTACH_STDOUT, STDIO } from '../../../daemon/shim/messages.ts';
import { Client, Shim, alive, command, eventually, shell } from './shim.ts';

// Each waits for the ten seconds that a shim lingers: side by side.
void describe('how long a shim lives', { concurrency: true }, () => {
  void test('one that nobody ever spoke to ends by itself', async (t) => {
    const shim = await Shim.run(t);
    await shim.gone();
    assert.ok(!existsSync(shim.socket));
  });

  void test('one that was left without a start ends by itself', async (t) => {
    const shim = await Shim.run(t);
    const client = await shim.client().subscribe();
    client.socket.destroy();
    await shim.gone();
  });

  void test('nobody there at the end: the record is written, then it goes', async (t) => {
    const shim = await Shim.run(t);
    const client = shim.client();
    await client.started({ plan: shell('sleep 0.3; exit 6'), record: shim.path('exit.json') });
    client.socket.destroy();
    await shim.gone();
    assert.match(readFileSync(shim.path('exit.json'), 'utf8'), /"code":6,/);
  });

  void test('a record that cannot be written keeps it until a subscriber was told', async (t) => {
    const shim = await Shim.run(t);
    const client = shim.client();
    const { pid } = await client.started({ plan: shell('exit 7'), record: shim.path('missing/exit.json') });
    await eventually('the end', () => !alive(Number(pid)));
    client.socket.destroy();
    // Longer than a shim whose record is written would stay: another one that does is the clock.
    const other = await Shim.run(t);
    const leaving = other.client();
    await leaving.started({ plan: command('/bin/true') });
    leaving.socket.destroy();
    await other.gone();
    const late = await shim.client().subscribe();
    assert.equal((await late.exited()).code, 7);
    late.socket.destroy();
    await shim.gone();
  });

  void test('an attached client that never reads does not keep it for ever', async (t) => {
    const shim = await Shim.run(t);
    const deaf = shim.client();
    await deaf.attach('', ATTACH_STDOUT);
    deaf.socket.pause();
    const client = await shim.client().subscribe();
    await client.started({
      stdio: STDIO.pipes,
      plan: shell('head -c 400000 /dev/zero; exit 2'),
      record: shim.path('exit.json'),
    });
    // What fits into pipes and sockets lets the process end; whatever does not holds it, so it is killed.
    await client.request({ is: 'signal', tag: 0, process: '', signal: 9 });
    await client.exited();
    client.socket.destroy();
    await shim.gone();
  });

  void test('forgotten, it ends although somebody attached does not read', async (t) => {
    const shim = await Shim.run(t);
    const deaf = shim.client();
    await deaf.attach('', ATTACH_STDOUT);
    deaf.socket.pause();
    const client = await shim.client().subscribe();
    await client.started({ stdio: STDIO.pipes, plan: shell('exec cat /dev/zero') });
    await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
    await client.exited();
    await client.expect('ok', { is: 'forget', tag: 0, process: '' });
    await shim.gone();
  });
});

test('shutdown ends it at once, and what waits attached is let go', async (t) => {
  const shim = await Shim.run(t);
  const waiting = shim.client();
  await waiting.attach();
  const client = shim.client();
  await client.expect('ok', { is: 'shutdown', tag: 0 });
  await waiting.closed();
  await shim.gone();
  assert.ok(!existsSync(shim.socket));
});

test('an exec that still runs keeps it after init was forgotten, and its end is told', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  await client.started({ plan: command('/bin/sleep', '1000') });
  await client.started({ process: 'x', plan: command('/bin/sleep', '1000') });
  await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
  await client.exited();
  await client.expect('ok', { is: 'forget', tag: 0, process: '' });
  await client.expect('ok', { is: 'signal', tag: 0, process: 'x', signal: 15 });
  assert.equal((await client.exited('x')).code, 143);
  await shim.gone();
});

test('signals to the shim itself do nothing', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  await client.started({ plan: command('/bin/sleep', '1000') });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGPIPE', 'SIGQUIT', 'SIGUSR1', 'SIGTSTP'] as const)
    process.kill(shim.pid, signal);
  assert.equal((await client.status())[0]?.state, 1);
});

test('a socket that was renamed is served on, and what stands at the old path is not removed', async (t) => {
  const shim = await Shim.run(t);
  const moved = shim.path('moved.sock');
  renameSync(shim.socket, moved);
  mkdirSync(shim.socket);
  const client = new Client(moved).hello();
  await client.expect('ok', { is: 'shutdown', tag: 0 });
  client.socket.destroy();
  await shim.gone();
  assert.ok(existsSync(shim.socket));
});
