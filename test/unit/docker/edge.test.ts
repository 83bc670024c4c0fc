/** The Docker Engine API is made by the first request for it, and nobody notices but by the time that one takes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createRequestRecorder } from '../../../daemon/api/recorder.ts';
import { createApi } from '../../../daemon/api/server.ts';
import { dockerEdge } from '../../../daemon/docker/edge.ts';
import { createLines, scriptedEngine } from '../api/scripted-engine.ts';
import { get, textOf } from '../api/socket.ts';

async function listen(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'tare-edge-'));
  const { engine, calls } = scriptedEngine({});
  const { logger, lines } = createLines();
  const peerOf = () => ({ uid: 1000, pid: 77 });
  const parts = { engine, logger, version: '1', peerOf, recorder: createRequestRecorder() };
  const api = createApi({ ...parts, other: dockerEdge(parts) });
  const path = join(directory, 's');
  await api.listen({ path });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await api.close();
    isOpen = false;
  };
  t.after(async () => {
    await close();
    await rm(directory, { recursive: true });
  });
  return { path, calls, lines, close };
}

test('first requests that come at once are all answered', async (t) => {
  const { path } = await listen(t);
  const texts = await Promise.all(Array.from({ length: 10 }, async () => textOf((await get(path, '/_ping')).response)));
  assert.deepEqual(texts, new Array(10).fill('OK'));
});

test('first requests on one connection are answered in their order', async (t) => {
  const { path } = await listen(t);
  const socket = connect({ path });
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString()));
  const asked = (url: string, headers = ''): string => `GET ${url} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
  socket.write(
    asked('/_ping') + asked('/v1.9/_ping') + asked('/v1/ping') + asked('/v1.44/nothing', 'Connection: close\r\n'),
  );
  await once(socket, 'close');
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ['200', '400', '200', '404']);
});

test('a first request may ask for an upgrade, and its body may come later', async (t) => {
  const { path } = await listen(t);
  const socket = connect({ path });
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString()));
  socket.write(
    'POST /v1.44/nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n' +
      'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{',
  );
  setImmediate(() => socket.write('}'));
  await once(socket, 'close');
  assert.match(text, /^HTTP\/1\.1 404 /);
});

test('clients that go before it is made are forgotten, and others are served', async (t) => {
  const { path, lines } = await listen(t);
  for (const headers of ['', 'Connection: Upgrade\r\nUpgrade: tcp\r\n']) {
    const socket = connect({ path });
    socket.write(`POST /v1.44/nothing HTTP/1.1\r\nHost: x\r\n${headers}\r\n`, () => socket.destroy());
    await once(socket, 'close');
  }
  assert.equal(await textOf((await get(path, '/_ping')).response), 'OK');
  assert.deepEqual(
    lines.filter(({ level }) => level === 'error'),
    [],
  );
});

test('a daemon that nobody asked closes without making it', async (t) => {
  const { close, calls } = await listen(t);
  await close();
  assert.deepEqual(calls, []);
});
