import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { listen, textOf } from './socket.ts';

async function save(path: string): Promise<{ outgoing: ReturnType<typeof request>; response: IncomingMessage }> {
  const outgoing = request({
    ...{ socketPath: path, path: '/v1/images/save', method: 'POST' },
    headers: { 'content-type': 'application/json' },
  });
  outgoing.end(JSON.stringify({ images: ['debian'] }));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { outgoing, response };
}

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield await Promise.resolve(Buffer.alloc(64 * 1024, index));
}

test('bytes come as they are made, in chunks, with the headers of the answer', async (t) => {
  const server = await listen(t, {
    saveImages: () => Promise.resolve({ stream: pieces(64), headers: { 'x-more': 'said' } }),
  });
  const { response } = await save(server.path);
  assert.equal(response.headers['content-type'], 'application/x-tar');
  assert.equal(response.headers['transfer-encoding'], 'chunked');
  assert.equal(response.headers['x-more'], 'said');
  assert.equal((await buffer(response)).length, 64 * 64 * 1024);
});

test('a refusal before the first byte is an ordinary answer', async (t) => {
  const server = await listen(t, { saveImages: () => Promise.reject(new EngineError('image_not_found', 'not here')) });
  const { response } = await save(server.path);
  assert.equal(response.statusCode, 404);
  assert.match(await textOf(response), /image_not_found/);
});

test('a failure half-way cuts the connection', async (t) => {
  const server = await listen(t, {
    saveImages: () =>
      Promise.resolve({
        stream: (async function* () {
          yield* pieces(2);
          throw new EngineError('store_damaged', 'a blob is gone');
        })(),
      }),
  });
  const { response } = await save(server.path);
  assert.equal(response.statusCode, 200);
  await assert.rejects(buffer(response));
  assert.equal(server.lines.find(({ audit }) => audit === true)?.code, 'store_damaged');
});

test('a client that goes ends the source', async (t) => {
  const ended = Promise.withResolvers<undefined>();
  const server = await listen(t, {
    saveImages: () =>
      Promise.resolve({
        stream: (async function* () {
          try {
            for (;;) yield* pieces(64);
          } finally {
            ended.resolve(undefined);
          }
        })(),
      }),
  });
  const { outgoing, response } = await save(server.path);
  await once(response, 'readable');
  response.on('error', () => undefined);
  outgoing.destroy();
  await ended.promise;
  assert.deepEqual(
    server.lines.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  );
});
