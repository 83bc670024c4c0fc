import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { test } from 'node:test';
import { createApi } from '../../../daemon/api/server.ts';
import { peerCredentials } from '../../../native-bindings/peer-credentials.ts';
import { createLines, scriptedEngine } from './scripted-engine.ts';
import { get, listen, textOf } from './socket.ts';

/** What the server sends to these bytes, until it closes or as much as `until` matches. */
async function exchange(path: string, bytes: string): Promise<string> {
  const socket = connectSocket({ path, allowHalfOpen: true });
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.end(bytes);
  await once(socket, 'close');
  return text;
}

test('what is not HTTP gets a problem document and its connection closed', async (t) => {
  const { path } = await listen(t, {});
  const garbage = await exchange(path, 'hello\r\n\r\n');
  assert.match(garbage, /^HTTP\/1\.1 400 /);
  assert.match(garbage, /application\/problem\+json/);
  assert.match(garbage, /"code":"invalid_request"/);
  const large = await exchange(path, `GET /v1/ping HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1\.1 431 /);
  assert.match(large, /"code":"headers_too_large"/);
});

test('two lengths, or a length beside chunks, are not taken', async (t) => {
  const { path, calls } = await listen(t, {});
  for (const headers of ['Content-Length: 2\r\nContent-Length: 3', 'Content-Length: 2\r\nTransfer-Encoding: chunked']) {
    const head = `POST /v1/containers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}`;
    assert.match(await exchange(path, `${head}\r\n\r\n{}`), /^HTTP\/1\.1 400 /);
  }
  assert.deepEqual(calls, []);
});

test('a body that ends before its length never reaches the engine', async (t) => {
  const { path, calls } = await listen(t, {});
  const head =
    'POST /v1/containers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
  await exchange(path, `${head}{"rootfs":"/"}`);
  const { response } = await get(path, '/v1/ping');
  assert.equal(await textOf(response), 'ok\n');
  assert.deepEqual(calls, []);
});

test('a body over 4 MiB sent in chunks is cut off with 413', async (t) => {
  const { path, calls } = await listen(t, {});
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
  const outgoing = request({ socketPath: path, path: '/v1/containers', method: 'POST', headers });
  // The server closes the connection while more is on the way.
  outgoing.on('error', () => undefined);
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  outgoing.write(`{"name":"`);
  for (let sent = 0; sent < 5; sent++) outgoing.write('x'.repeat(1024 * 1024));
  outgoing.end('"}');
  const [response] = await answered;
  assert.equal(response.statusCode, 413);
  response.destroy();
  assert.deepEqual(calls, []);
});

test('the audit line of a request over a unix socket names this process', async (t) => {
  const { engine } = scriptedEngine({ start: () => Promise.resolve() });
  const { logger, lines } = createLines();
  const api = createApi({ engine, logger, version: '1', peerOf: peerCredentials });
  const path = `\0tare-api-test-${String(process.pid)}`;
  await api.listen({ path });
  t.after(() => api.close());
  const outgoing = request({ socketPath: path, path: '/v1/containers/web/start', method: 'POST' });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  assert.equal(response.statusCode, 204);
  const [line] = lines;
  assert.deepEqual([line?.audit, line?.uid, line?.peer], [true, process.getuid?.(), process.pid]);
});

test('control characters that a client sends stay inside one field of one line', async (t) => {
  const { path, lines } = await listen(t, { identify: () => undefined });
  const answer = await exchange(
    path,
    'POST /v1/containers/a%0A%1B%5B2J/start HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1\.1 400 /);
  const [line] = lines;
  assert.equal(line?.ref, 'a\n\u001b[2J');
  assert.equal(JSON.stringify(line).includes('\n'), false);
});
