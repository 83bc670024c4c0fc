import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { WebSocket } from 'ws';
import { CHANNEL, STREAM_PROTOCOL, type StreamStatus } from '../../../shared/streams.ts';
import type { AttachEnd, Engine } from '../../../daemon/api/engine.ts';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { ScriptedAttachment } from './scripted-engine.ts';
import { connect, get, listen, refusal, type Listening } from './socket.ts';

const exited = (code: number): AttachEnd => ({
  reason: 'exited',
  exit: { unknown: false, code, oomKilled: false, at: '2026-01-02T03:04:05Z' },
});

interface Attached {
  readonly webSocket: WebSocket;
  readonly attachment: ScriptedAttachment;
  readonly server: Listening;
}

async function attach(
  t: TestContext,
  script: Partial<Engine> = {},
  url = '/v1/containers/web/attach',
): Promise<Attached> {
  const attachment = new ScriptedAttachment();
  const begun = once(attachment, 'begun');
  const server = await listen(t, { attach: () => Promise.resolve(attachment), ...script });
  const webSocket = connect(server.path, url);
  await Promise.all([once(webSocket, 'open'), begun]);
  return { webSocket, attachment, server };
}

interface Session {
  readonly bytes: Record<'stdout' | 'stderr', Buffer>;
  readonly messages: number;
  readonly status: StreamStatus | undefined;
  readonly code: number;
}

/** All that came until the close. */
async function sessionOf(webSocket: WebSocket): Promise<Session> {
  const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  let status: StreamStatus | undefined;
  let messages = 0;
  webSocket.on('message', (message: Buffer) => {
    messages++;
    assert.equal(status, undefined, 'the status is the last message');
    if (message[0] === CHANNEL.stdout) chunks.stdout.push(message.subarray(1));
    else if (message[0] === CHANNEL.stderr) chunks.stderr.push(message.subarray(1));
    else if (message[0] === CHANNEL.status) status = JSON.parse(message.subarray(1).toString()) as StreamStatus;
    else assert.fail(`channel ${String(message[0])}`);
  });
  const [code] = (await once(webSocket, 'close')) as [number];
  const bytes = { stdout: Buffer.concat(chunks.stdout), stderr: Buffer.concat(chunks.stderr) };
  return { bytes, messages, status, code };
}

test('output, its end and the exit code arrive, in order', async (t) => {
  const { webSocket, attachment } = await attach(t);
  assert.equal(webSocket.protocol, STREAM_PROTOCOL);
  const session = sessionOf(webSocket);
  attachment.output('stdout', Buffer.from('hello '));
  attachment.output('stdout', Buffer.from('world\n'));
  attachment.output('stderr', Buffer.from('oops\n'));
  attachment.output('stdout', Buffer.alloc(0));
  attachment.end(exited(42));
  const { bytes, messages, status, code } = await session;
  assert.equal(bytes.stdout.toString(), 'hello world\n');
  assert.equal(bytes.stderr.toString(), 'oops\n');
  assert.equal(messages, 3, 'what one turn brings for one stream is one message');
  assert.equal(status?.reason, 'NonZeroExitCode');
  assert.deepEqual(status.details?.causes, [{ reason: 'ExitCode', message: '42' }]);
  assert.equal(code, 1000);
  if (attachment.closes === 0) await once(attachment, 'closed');
  assert.equal(attachment.closes, 1);
});

for (const size of [1, 124, 125, 126, 65_534, 65_535, 65_536, 300_000, 3_000_000]) {
  test(`a message of ${String(size)} bytes is framed right`, async (t) => {
    const { webSocket, attachment } = await attach(t);
    const session = sessionOf(webSocket);
    const bytes = Buffer.from(Array.from({ length: size }, (_, index) => (index * 31) % 251));
    attachment.output('stdout', bytes);
    attachment.end(exited(0));
    const { bytes: got, status } = await session;
    assert.ok(got.stdout.equals(bytes));
    assert.deepEqual(status, { metadata: {}, status: 'Success' });
  });
}

for (const [end, reason, code] of [
  [exited(0), undefined, 1000],
  [{ reason: 'exited', exit: { unknown: true, oomKilled: false, at: '' } }, 'UnknownExit', 1000],
  [{ reason: 'start_failed', message: 'no such command' }, 'StartFailed', 1000],
  [{ reason: 'removed' }, 'Detached', 1000],
  [{ reason: 'slow' }, 'Detached', 1008],
  [{ reason: 'closing' }, 'Detached', 1001],
  [{ reason: 'shim_lost' }, 'Detached', 1011],
] as const satisfies readonly (readonly [AttachEnd, string | undefined, number])[]) {
  test(`the end ${JSON.stringify(end).slice(0, 60)} closes with ${String(code)}`, async (t) => {
    const { webSocket, attachment } = await attach(t);
    const session = sessionOf(webSocket);
    attachment.end(end);
    const { status, code: got } = await session;
    assert.equal(got, code);
    assert.equal(status?.reason, reason);
  });
}

test('input, resize and the end of input reach the process', async (t) => {
  const { webSocket, attachment } = await attach(t);
  const session = sessionOf(webSocket);
  webSocket.send(Buffer.from([CHANNEL.stdin, ...Buffer.from('echo $((6*7))\n')]));
  webSocket.send(Buffer.from([CHANNEL.stdin]));
  webSocket.send(Buffer.concat([Buffer.of(CHANNEL.resize), Buffer.from('{"Width":100,"Height":40}')]));
  webSocket.send(Buffer.of(CHANNEL.close, CHANNEL.stdin));
  while (!attachment.ended) await once(attachment, 'input');
  assert.deepEqual(attachment.input.map(String), ['echo $((6*7))\n']);
  assert.deepEqual(attachment.sizes, [{ rows: 40, columns: 100 }]);
  attachment.end(exited(0));
  await session;
});

const binary = (channel: number, text: string) => Buffer.concat([Buffer.of(channel), Buffer.from(text)]);

for (const [what, message, code] of [
  ['a text', 'hello', 1002],
  ['nothing', Buffer.alloc(0), 1002],
  ['an unknown channel', binary(9, 'x'), 1002],
  ['the daemon’s own channel', binary(CHANNEL.stdout, 'x'), 1002],
  ['a resize that is no JSON', binary(CHANNEL.resize, '{'), 1002],
  ['a resize to nothing', binary(CHANNEL.resize, '{"Width":0,"Height":10}'), 1002],
  ['a resize beyond 16 bits', binary(CHANNEL.resize, '{"Width":65536,"Height":10}'), 1002],
  ['a close of stdout', Buffer.of(CHANNEL.close, CHANNEL.stdout), 1002],
  ['more than a MiB', Buffer.alloc(1024 * 1024 + 1), 1009],
] as const) {
  test(`a client that sends ${what} is closed with ${String(code)}, and the attachment too`, async (t) => {
    const { webSocket, attachment } = await attach(t);
    const closed = once(attachment, 'closed');
    webSocket.send(message);
    const [got] = (await once(webSocket, 'close')) as [number];
    // 1006: ws destroyed the socket before its close frame was out.
    assert.ok(got === code || (code === 1009 && got === 1006), String(got));
    await closed;
    assert.equal(attachment.closes, 1);
    assert.deepEqual(attachment.input, []);
  });
}

test('a client that does not read holds back the process, and loses nothing', async (t) => {
  const { webSocket, attachment } = await attach(t);
  webSocket.pause();
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  while (attachment.output('stdout', chunk)) {
    sent++;
    await new Promise(setImmediate);
    assert.ok(sent < 10_000, 'never held back');
  }
  sent++;
  assert.ok(sent * chunk.length < 16 * 1024 * 1024, `${String(sent)} chunks were taken`);
  assert.equal(attachment.resumes, 0);
  const session = sessionOf(webSocket);
  const resumed = once(attachment, 'resumed');
  webSocket.resume();
  await resumed;
  attachment.end(exited(0));
  assert.equal((await session).bytes.stdout.length, sent * chunk.length);
});

test('a process that does not take its input holds back the client', async (t) => {
  const { webSocket, attachment } = await attach(t);
  attachment.takes = false;
  const chunk = Buffer.alloc(64 * 1024, 0);
  const total = 400;
  for (let sent = 0; sent < total; sent++) webSocket.send(chunk);
  await once(attachment, 'input');
  let before = -1;
  while (before !== attachment.input.length) {
    before = attachment.input.length;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  }
  assert.ok(before < total / 4, `${String(before)} of ${String(total)} messages were taken`);
  attachment.drain();
  while (attachment.input.length < total) await once(attachment, 'input');
  const session = sessionOf(webSocket);
  attachment.end(exited(0));
  await session;
});

test('a process that ends while it takes no input lets its client go all the same', async (t) => {
  const { webSocket, attachment } = await attach(t);
  attachment.takes = false;
  for (let sent = 0; sent < 100; sent++) webSocket.send(Buffer.alloc(64 * 1024, 0));
  await once(attachment, 'input');
  const session = sessionOf(webSocket);
  attachment.end(exited(7));
  const { status, code } = await session;
  assert.equal(status?.reason, 'NonZeroExitCode');
  assert.equal(code, 1000);
  if (attachment.closes === 0) await once(attachment, 'closed');
});

const refused: readonly (readonly [
  what: string,
  url: string,
  script: Partial<Engine>,
  status: number,
  code: string,
])[] = [
  [
    'attach to nothing',
    '/v1/containers/nope/attach',
    { attach: () => Promise.reject(new EngineError('container_not_found', 'no container nope')) },
    404,
    'container_not_found',
  ],
  [
    'attach to what does not run',
    '/v1/containers/web/attach',
    { attach: () => Promise.reject(new EngineError('container_not_running', 'web does not run')) },
    409,
    'container_not_running',
  ],
  [
    'an exec whose command is missing',
    '/v1/execs/e1/start',
    { startExecAttached: () => Promise.reject(new EngineError('command_not_found', 'nope: not found')) },
    422,
    'command_not_found',
  ],
  ['an unknown query', '/v1/containers/web/attach?stdi=1', {}, 400, 'unknown_property'],
  ['half a size', '/v1/execs/e1/start?rows=3', {}, 400, 'invalid_field'],
  ['a path without WebSocket', '/v1/version', {}, 400, 'invalid_request'],
  ['an unknown path', '/v1/nothing', {}, 404, 'route_not_found'],
];

for (const [what, url, script, status, code] of refused) {
  test(`${what} is refused before the 101`, async (t) => {
    const server = await listen(t, script);
    const answer = await refusal(connect(server.path, url));
    assert.equal(answer.status, status, answer.body);
    assert.equal((JSON.parse(answer.body) as { code: string }).code, code);
  });
}

test('a wrong subprotocol is refused, none is accepted', async (t) => {
  const attachment = new ScriptedAttachment();
  const server = await listen(t, { attach: () => Promise.resolve(attachment) });
  const answer = await refusal(connect(server.path, '/v1/containers/web/attach', 'v4.channel.k8s.io'));
  assert.equal(answer.status, 400);
  assert.match(answer.body, /v5\.channel\.k8s\.io/);
  assert.deepEqual(server.calls, []);
  const { WebSocket } = await import('ws');
  const plain = new WebSocket(`ws+unix:${server.path}:/v1/containers/web/attach`);
  await once(plain, 'open');
  assert.equal(plain.protocol, '');
  plain.terminate();
  await once(attachment, 'closed');
});

test('plain GET is told to upgrade', async (t) => {
  const server = await listen(t, {});
  const { response } = await get(server.path, '/v1/containers/web/attach');
  assert.equal(response.statusCode, 426);
  assert.equal(response.headers.upgrade, 'websocket');
  response.resume();
});

test('queries reach the engine with their defaults', async (t) => {
  const { webSocket, server } = await attach(t, {}, '/v1/containers/web/attach?stdin=0&logs');
  assert.deepEqual(server.calls, [['attach', 'web', { stdin: false, stdout: true, stderr: true, logs: true }]]);
  webSocket.terminate();
  const attachment = new ScriptedAttachment();
  const exec = await listen(t, { startExecAttached: () => Promise.resolve(attachment) });
  const started = connect(exec.path, '/v1/execs/e1/start?rows=40&columns=100');
  await once(started, 'open');
  assert.deepEqual(exec.calls, [['startExecAttached', 'e1', { tty: { rows: 40, columns: 100 } }]]);
  assert.equal(exec.lines.find(({ audit }) => audit === true)?.outcome, 'attached');
  started.terminate();
});

test('a client that goes while the engine attaches leaves nothing', async (t) => {
  const attachment = new ScriptedAttachment();
  const asked = Promise.withResolvers<undefined>();
  const attached = Promise.withResolvers<ScriptedAttachment>();
  const server = await listen(t, {
    attach: () => {
      asked.resolve(undefined);
      return attached.promise;
    },
  });
  const webSocket = connect(server.path, '/v1/containers/web/attach');
  webSocket.on('error', () => undefined);
  await asked.promise;
  const closed = once(attachment, 'closed');
  const gone = new Promise((resolve) => webSocket.once('close', resolve));
  webSocket.terminate();
  await gone;
  attached.resolve(attachment);
  await closed;
  assert.equal(attachment.closes, 1);
});

test('1,000 attaches broken off at once leave no attachment and no connection', async (t) => {
  const made: ScriptedAttachment[] = [];
  const server = await listen(t, {
    attach: async () => {
      const attachment = new ScriptedAttachment();
      made.push(attachment);
      await new Promise(setImmediate);
      return attachment;
    },
  });
  const handshake =
    'GET /v1/containers/web/attach HTTP/1.1\r\nHost: tare\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`;
  for (let batch = 0; batch < 20; batch++) {
    const sockets = Array.from({ length: 50 }, () => connectSocket(server.path));
    await Promise.all(
      sockets.map(async (socket, index) => {
        await once(socket, 'connect');
        socket.write(handshake);
        if (index % 2 === 0) await once(socket, 'data');
        const closed = once(socket, 'close');
        socket.destroy();
        await closed;
      }),
    );
  }
  for (const attachment of made) if (attachment.closes === 0) await once(attachment, 'closed');
  assert.ok(made.length >= 500);
  assert.ok(made.every(({ closes }) => closes === 1));
  const { server: http } = server.api;
  for (;;) {
    const left = await new Promise<number>((resolve, reject) => {
      http.getConnections((error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
    if (left === 0) break;
    await new Promise(setImmediate);
  }
});

test('closing the server lets its clients go: status Detached, then 1001', async (t) => {
  const { webSocket, attachment, server } = await attach(t);
  const session = sessionOf(webSocket);
  attachment.output('stdout', Buffer.from('last words'));
  await server.api.close();
  const { bytes, status, code } = await session;
  assert.equal(bytes.stdout.toString(), 'last words');
  assert.equal(status?.reason, 'Detached');
  assert.equal(code, 1001);
  if (attachment.closes === 0) await once(attachment, 'closed');
  assert.equal(attachment.closes, 1);
});
