import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  ATTACH_CLOSE_STDIN,
  ATTACH_CUT_WHEN_SLOW,
  ATTACH_STDERR,
  ATTACH_STDIN,
  ATTACH_STDOUT,
  STDIO,
  START_STDIN_OPEN,
} from '../../../daemon/shim/messages.ts';
import { DEADLINE_MS, Shim, command, eventually, plan, shell, type Client } from './shim.ts';
import { readFileSync, statSync } from 'node:fs';

const MEGABYTE = 1024 * 1024;

/** Attached before the start, so that nothing can be missed. */
async function attached(shim: Shim, streams?: number, flags?: number): Promise<Client> {
  const client = shim.client();
  assert.equal((await client.attach('', streams, flags)).terminal, 2);
  return client;
}

/** Writes it all with the socket's own backpressure. */
async function feed(client: Client, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += 60_000) {
    client.stdin(bytes.subarray(at, at + 60_000));
    if (client.socket.writableNeedDrain) await new Promise((resolve) => client.socket.once('drain', resolve));
  }
  client.stdin('');
}

test('every byte of 50 MB arrives, in order, and the log has as many', async (t) => {
  const shim = await Shim.run(t);
  const client = await attached(shim);
  const size = 50 * MEGABYTE;
  await client.started({
    stdio: STDIO.pipes,
    plan: shell(`seq 1 10000000 | head -c ${String(size)}`),
    log: shim.path('log'),
  });
  await client.detached();
  const output = client.output();
  assert.equal(output.length, size);
  const expected = createHash('sha256');
  let left = size;
  for (let line = 1; left > 0;) {
    let text = '';
    while (text.length < 60_000) text += `${String(line++)}\n`;
    expected.update(text.slice(0, left));
    left -= text.length;
  }
  assert.equal(createHash('sha256').update(output).digest('hex'), expected.digest('hex'));
  assert.ok(statSync(shim.path('log')).size > size);
  const kinds = client.received.map(({ is }) => is);
  assert.deepEqual(kinds.slice(-2), ['exited', 'detached']);
  await client.closed();
});

test('stdout and stderr are two streams, and only those asked for come', async (t) => {
  const shim = await Shim.run(t);
  const both = await attached(shim);
  const out = await attached(shim, ATTACH_STDOUT);
  const err = await attached(shim, ATTACH_STDERR);
  const none = await attached(shim, ATTACH_STDIN);
  await both.started({ stdio: STDIO.pipes, plan: shell('echo to stdout; echo to stderr >&2') });
  for (const client of [both, out, err, none]) await client.detached();
  assert.deepEqual(
    [both, out, err, none].map((client) => [client.text(), client.text('stderr')]),
    [
      ['to stdout\n', 'to stderr\n'],
      ['to stdout\n', ''],
      ['', 'to stderr\n'],
      ['', ''],
    ],
  );
});

test('a client that reads slowly holds the process back, and still gets every byte', async (t) => {
  const shim = await Shim.run(t);
  const slow = await attached(shim);
  slow.socket.pause();
  const control = shim.client();
  const size = 8 * MEGABYTE;
  await control.started({
    stdio: STDIO.pipes,
    plan: shell(`head -c ${String(size)} /dev/zero`),
    log: shim.path('log'),
  });
  // Held back: the log stops growing well before the end.
  let last = -1;
  await eventually('the output to stand still', () => {
    const now = statSync(shim.path('log')).size;
    const still = now === last && now > 0;
    last = now;
    return still;
  });
  assert.equal((await control.status())[0]?.state, 1);
  slow.socket.resume();
  await slow.detached();
  assert.equal(slow.output().length, size);
});

test('one that asked for it is cut off instead, and the process goes on', async (t) => {
  const shim = await Shim.run(t);
  const slow = await attached(shim, ATTACH_STDOUT, ATTACH_CUT_WHEN_SLOW);
  slow.socket.pause();
  const control = await shim.client().subscribe();
  await control.started({ stdio: STDIO.pipes, plan: shell(`head -c ${String(4 * MEGABYTE)} /dev/zero; exit 5`) });
  assert.equal((await control.exited()).code, 5);
  slow.socket.resume();
  assert.equal((await slow.detached()).reason, 'slow');
  await slow.closed();
  const got = slow.output().length;
  assert.ok(got >= MEGABYTE && got < 3 * MEGABYTE, `${String(got)} bytes`);
});

test('nobody attached: output goes on for ever, and one who comes later gets what follows', async (t) => {
  const shim = await Shim.run(t);
  const control = shim.client();
  await control.started({
    stdio: STDIO.pipes,
    flags: START_STDIN_OPEN,
    plan: shell(`head -c ${String(8 * MEGABYTE)} /dev/zero; read line; echo got $line`),
    log: shim.path('log'),
  });
  await eventually('8 MiB in the log', () => statSync(shim.path('log')).size > 8 * MEGABYTE);
  const late = shim.client();
  assert.equal((await late.attach()).terminal, 0);
  late.stdin('word\n');
  await late.detached();
  assert.ok(late.text().endsWith('got word\n'));
});

test('attached to what has ended: told at once', async (t) => {
  const shim = await Shim.run(t);
  const control = await shim.client().subscribe();
  await control.started({ stdio: STDIO.pipes, plan: shell('exit 8') });
  await control.exited();
  const late = shim.client();
  await late.attach();
  assert.equal((await late.exited()).code, 8);
  assert.equal((await late.detached()).reason, 'ended');
});

test('20 MB of stdin, sent before the start already, arrive whole, and their end is the end', async (t) => {
  const shim = await Shim.run(t);
  const client = await attached(shim, ATTACH_STDIN | ATTACH_STDOUT, ATTACH_CLOSE_STDIN);
  const bytes = Buffer.allocUnsafe(20 * MEGABYTE);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  const fed = feed(client, bytes);
  const control = shim.client();
  await control.started({ stdio: STDIO.pipes, flags: START_STDIN_OPEN, plan: command('sha256sum') });
  await fed;
  await client.detached();
  assert.equal(client.text(), `${createHash('sha256').update(bytes).digest('hex')}  -\n`);
});

test('stdin both ways at once: cat gives back what it gets', async (t) => {
  const shim = await Shim.run(t);
  const client = await attached(shim, undefined, ATTACH_CLOSE_STDIN);
  await client.started({ stdio: STDIO.pipes, flags: START_STDIN_OPEN, plan: command('cat') });
  const bytes = Buffer.alloc(5 * MEGABYTE, 'the quick brown fox ');
  await feed(client, bytes);
  await client.detached();
  assert.ok(client.output().equals(bytes));
});

test('a client that goes away closes stdin only if it said so', async (t) => {
  const shim = await Shim.run(t);
  const control = await shim.client().subscribe();
  const first = await attached(shim, ATTACH_STDIN, 0);
  const last = await attached(shim, ATTACH_STDIN, ATTACH_CLOSE_STDIN);
  await control.started({ stdio: STDIO.pipes, flags: START_STDIN_OPEN, plan: shell('[ "$(cat)" = "one two" ]') });
  first.stdin('one');
  first.stdin('');
  first.socket.end();
  await first.closed();
  last.stdin(' two');
  last.socket.end();
  assert.equal((await control.exited()).code, 0);
});

test('without an open stdin the program reads /dev/null, and what is sent is dropped', async (t) => {
  const shim = await Shim.run(t);
  const client = await attached(shim);
  client.stdin('before');
  await client.started({ stdio: STDIO.pipes, plan: shell('cat; echo end; sleep 1000') });
  await client.sees('end\n');
  client.stdin('after');
  client.stdin('');
  assert.equal(client.text(), 'end\n');
  assert.equal((await client.request({ is: 'signal', tag: 0, process: '', signal: 9 })).is, 'ok');
  await client.detached();
});

test('a program that closed its stdin does not mind more of it', async (t) => {
  const shim = await Shim.run(t);
  const client = await attached(shim);
  await client.started({
    stdio: STDIO.pipes,
    flags: START_STDIN_OPEN,
    plan: shell('exec <&-; echo closed; sleep 1000'),
  });
  await client.sees('closed\n');
  for (let i = 0; i < 50; i++) client.stdin(Buffer.alloc(60_000));
  assert.equal((await client.request({ is: 'signal', tag: 0, process: '', signal: 9 })).is, 'ok');
  await client.detached();
});

test('another user can open its /dev/stdout and /dev/stderr again', async (t) => {
  const shim = await Shim.run(t);
  const client = await attached(shim);
  await client.started({
    stdio: STDIO.pipes,
    plan: plan(
      [{ op: 'user', uid: 65534, gid: 65534, groups: [] }],
      ['/bin/sh', '-c', 'echo out > /dev/stdout; echo err > /dev/stderr; id -u'],
    ),
  });
  await client.detached();
  assert.equal(client.text(), 'out\n65534\n');
  assert.equal(client.text('stderr'), 'err\n');
});

test('a shim that is not attended has no stdio to be inherited', async (t) => {
  const shim = await Shim.run(t);
  const answer = await shim.client().start({ stdio: STDIO.inherit, plan: command('/bin/true') });
  assert.match(answer.is === 'error' ? answer.text : '', /^stdio=inherit needs a shim with --connection$/);
});

test('2,000 attachments that go away again leave no descriptor behind', { timeout: 2 * DEADLINE_MS }, async (t) => {
  const shim = await Shim.run(t);
  const control = shim.client();
  await control.started({ stdio: STDIO.pipes, plan: command('/bin/sleep', '1000') });
  const descriptors = (): number =>
    Number(/FDSize:\t(\d+)/.exec(readFileSync(`/proc/${String(shim.pid)}/status`, 'utf8'))?.[1]);
  const before = descriptors();
  for (let round = 0; round < 100; round++) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = shim.client();
        await client.attach();
        client.socket.destroy();
        await client.closed();
      }),
    );
  }
  assert.ok(descriptors() <= Math.max(before, 256));
  assert.equal((await control.status()).length, 1);
});
