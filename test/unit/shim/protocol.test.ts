import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { encodeMessage } from '../../../daemon/shim/codec.ts';
import {
  HEADER_SIZE,
  MAX_DATA,
  MAX_PAYLOAD,
  MESSAGES,
  PROTOCOL_VERSION,
  STDIO,
} from '../../../daemon/shim/messages.ts';
import { PROGRAM, Shim, command, shell, type Answer, type Client } from './shim.ts';

function header(size: number, type: number, zero = 0, tag = 7): Buffer {
  const bytes = Buffer.alloc(HEADER_SIZE);
  bytes.writeUInt32LE(size, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(zero, 6);
  bytes.writeUInt32LE(tag, 8);
  return bytes;
}

async function refused(client: Client): Promise<Answer<'error'>> {
  const error = await client.until('error', () =>
    client.received.find((message): message is Answer<'error'> => message.is === 'error'),
  );
  await client.closed();
  return error;
}

test('the socket is 0600, and the shim says who it is', async (t) => {
  const shim = await Shim.run(t);
  assert.equal(statSync(shim.socket).mode & 0o777, 0o600);
  const client = shim.connect();
  const hello = await client.until('hello', () => client.received[0]);
  assert.deepEqual(hello, { is: 'shim_hello', tag: 0, version: PROTOCOL_VERSION, pid: shim.pid });
});

test('what is not the protocol is answered with an error and the connection closed, others are not disturbed', async (t) => {
  const shim = await Shim.run(t);
  const witness = await shim.client().subscribe();
  const hello = encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION });
  const cases: [string, Buffer, RegExp][] = [
    ['another version', encodeMessage({ is: 'client_hello', tag: 3, version: 99 }), /version 1 expected, 99 came/],
    ['a request before hello', encodeMessage({ is: 'status', tag: 3 }), /hello comes first/],
    ['two hellos', Buffer.concat([hello, hello]), /second hello/],
    ['an unknown type', Buffer.concat([hello, header(0, 63)]), /unknown type/],
    ['a type far out', Buffer.concat([hello, header(0, 65535)]), /unknown type/],
    ["a message of the shim's", Buffer.concat([hello, header(0, MESSAGES.ok.type)]), /unknown type/],
    ['not zero', Buffer.concat([hello, header(0, MESSAGES.status.type, 1)]), /zero/],
    ['too long', Buffer.concat([hello, header(MAX_PAYLOAD + 1, MESSAGES.start.type)]), /too long/],
    ['too much stdin', Buffer.concat([hello, header(MAX_DATA + 1, MESSAGES.stdin.type)]), /too long/],
    ['stdin to nothing', Buffer.concat([hello, header(1, MESSAGES.stdin.type), Buffer.from('x')]), /not attached/],
    ['fields cut short', Buffer.concat([hello, header(3, MESSAGES.go.type), Buffer.from([0, 0, 0])]), /garbled/],
    ['bytes left over', Buffer.concat([hello, header(1, MESSAGES.status.type), Buffer.from([0])]), /garbled/],
    [
      'a string with NUL',
      Buffer.concat([hello, header(7, MESSAGES.go.type), Buffer.from([2, 0, 0, 0, 65, 0, 0])]),
      /garbled/,
    ],
    [
      'a string without NUL',
      Buffer.concat([hello, header(6, MESSAGES.go.type), Buffer.from([1, 0, 0, 0, 65, 65])]),
      /garbled/,
    ],
    ['noise', Buffer.from('GET / HTTP/1.1\r\nHost: tare\r\n\r\n'), /unknown type/],
  ];
  for (const [name, bytes, text] of cases) {
    const client = shim.connect();
    client.socket.write(bytes);
    assert.match((await refused(client)).text, text, name);
  }
  assert.deepEqual(await witness.status(), []);
});

test('a frame may come byte by byte, and many at once', async (t) => {
  const shim = await Shim.run(t);
  const slow = shim.connect();
  slow.socket.setNoDelay(true);
  const bytes = Buffer.concat([
    encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION }),
    encodeMessage({ is: 'status', tag: 1 }),
    encodeMessage({ is: 'signal', tag: 2, process: 'nobody', signal: 15 }),
  ]);
  for (const byte of bytes) await new Promise((resolve) => slow.socket.write(Buffer.from([byte]), resolve));
  const answer = await slow.until('error', () => slow.received.find((message) => message.tag === 2));
  assert.equal(answer.is, 'error');
  assert.deepEqual(
    slow.received.map(({ is }) => is),
    ['shim_hello', 'ok', 'error'],
  );

  const fast = shim.client();
  fast.socket.write(
    Buffer.concat(Array.from({ length: 5000 }, (_, tag) => encodeMessage({ is: 'status', tag: tag + 1 }))),
  );
  await fast.until('5000 answers', () => (fast.received.length === 5001 ? true : undefined));
  assert.deepEqual(
    fast.received.slice(1).map(({ tag }) => tag),
    Array.from({ length: 5000 }, (_, tag) => tag + 1),
  );
});

test('requests to what is not there say so', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  const ESRCH = 3;
  for (const message of [
    { is: 'go', tag: 0, process: '' },
    { is: 'signal', tag: 0, process: '', signal: 9 },
    { is: 'resize', tag: 0, process: '', rows: 1, columns: 1 },
    { is: 'pidfd', tag: 0, process: 'x' },
    { is: 'forget', tag: 0, process: '' },
  ] as const) {
    assert.equal((await client.expect('error', message)).errno, ESRCH, message.is);
  }
  await client.started({ plan: command('/bin/sleep', '1000') });
  await client.subscribe();
  await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
  await client.exited();
  const late = await client.start({ process: 'exec', plan: command('/bin/true') });
  assert.ok(late.is === 'error' && late.errno === ESRCH, JSON.stringify(late));
});

test('the largest plan is taken, and a garbled one is refused by name', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  const answer = await client.start({ plan: Buffer.alloc(MAX_PAYLOAD - 1000, 0x41) });
  assert.equal(answer.is, 'failed', JSON.stringify(answer));
  assert.equal(answer.operation, -1);
  client.socket.destroy();
  await shim.gone();
});

test('a client that never reads its answers costs nobody else', async (t) => {
  const shim = await Shim.run(t);
  const deaf = shim.client();
  await deaf.until('hello', () => deaf.received[0]);
  deaf.socket.pause();
  const flood = Buffer.concat(Array.from({ length: 20_000 }, () => encodeMessage({ is: 'status', tag: 1 })));
  for (let round = 0; round < 20; round++) deaf.socket.write(flood);
  const other = await shim.client().subscribe();
  await other.started({ plan: shell('exit 3') });
  assert.equal((await other.exited()).code, 3);
});

test('an attached client that asks without reading is not read from any more', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  await client.attach();
  await client.started({ stdio: STDIO.pipes, plan: command('/bin/sleep', '1000') });
  const peak = () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(shim.pid)}/status`, 'utf8'))?.[1]);
  const before = peak();
  const asked = 200_000;
  client.socket.pause();
  const writing = once(client.socket, 'drain');
  client.socket.write(Buffer.concat(Array.from({ length: asked }, () => encodeMessage({ is: 'status', tag: 9 }))));
  const other = shim.client();
  for (let round = 0; round < 100; round++) await other.expect('ok', { is: 'status', tag: 0 });
  client.socket.resume();
  await writing;
  await client.until('the last answer', () => (client.received.length >= 2 * asked ? true : undefined));
  // Held until they were taken, the answers would be 25 MB.
  assert.ok(peak() - before < 16 * 1024, `${String(peak() - before)} kB more than ${String(before)}`);
});

test('the pidfd answer comes in turn with the others', async (t) => {
  const shim = await Shim.run(t);
  const client = shim.client();
  const { pid } = await client.started({ plan: command('/bin/sleep', '1000') });
  for (let round = 0; round < 20; round++) {
    const answer = await client.expect('pidfd_is', { is: 'pidfd', tag: 0, process: '' });
    assert.equal(answer.pid, pid);
  }
});

test('the command line: version, wrong options, paths that are too long or taken', async (t) => {
  const run = (...args: string[]) => spawnSync(PROGRAM, args, { encoding: 'utf8' });
  assert.match(run('--version').stdout, /^tare-shim \d+\.\d+\.\d+, protocol 1\n$/);
  for (const args of [[], ['--socket'], ['--sokcet', 'x'], ['--socket', '/tmp/x', '--ready-fd', '1']]) {
    const { status, stderr } = run(...args);
    assert.equal(status, 1);
    assert.match(stderr, /^tare-shim: .+\n$/);
  }
  const long = run('--socket', `/tmp/${'x'.repeat(103)}`);
  assert.equal(long.status, 1);
  assert.match(long.stderr, /cannot listen on .*name too long/i);
  const shim = await Shim.run(t);
  const taken = run('--socket', shim.socket);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, /in use/i);
  const client = shim.client();
  await client.expect('ok', { is: 'shutdown', tag: 0 });
  await once(client.socket, 'close');
});
