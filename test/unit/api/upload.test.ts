import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { EngineError } from '../../../daemon/engine/errors.ts';
import type { LoadResponse } from '../../../shared/api/image.ts';
import { listen, textOf } from './socket.ts';

const RESULT: LoadResponse = { images: [] };
const LOAD = '/v1/images/load';

function open(path: string, headers: Record<string, string> = { 'content-type': 'application/x-tar' }): ClientRequest {
  const outgoing = request({ socketPath: path, path: LOAD, method: 'POST', headers });
  outgoing.on('error', () => undefined);
  return outgoing;
}

async function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

test('the body comes as it is, of any length and any of the media types', async (t) => {
  let got = Buffer.alloc(0);
  const server = await listen(t, {
    loadImages: async (stream: Readable) => {
      got = await buffer(stream);
      return RESULT;
    },
  });
  const content = Buffer.alloc(9 * 1024 * 1024, 'tare');
  for (const type of ['application/x-tar', 'application/gzip', 'application/zstd', 'application/octet-stream']) {
    const outgoing = open(server.path, { 'content-type': type });
    outgoing.end(content);
    const response = await answerOf(outgoing);
    assert.deepEqual(JSON.parse(await textOf(response)), RESULT);
    assert.ok(got.equals(content));
  }
});

test('no JSON is taken, nor a body without a type', async (t) => {
  const server = await listen(t, {});
  for (const headers of [{ 'content-type': 'application/json' }, {}]) {
    const outgoing = open(server.path, headers);
    outgoing.end('{}');
    const response = await answerOf(outgoing);
    assert.equal(response.statusCode, 415);
    assert.match(await textOf(response), /application\/x-tar/);
  }
  const json = request({
    ...{ socketPath: server.path, path: '/v1/images/pull', method: 'POST' },
    headers: { 'content-type': 'application/x-tar' },
  });
  json.end('{}');
  const response = await answerOf(json);
  assert.equal(response.statusCode, 415);
  assert.match(await textOf(response), /application\/json/);
  assert.deepEqual(server.calls, []);
});

test('a reader that waits holds the client back', async (t) => {
  const go = Promise.withResolvers<undefined>();
  const opened = Promise.withResolvers<Readable>();
  const server = await listen(t, {
    loadImages: async (stream: Readable) => {
      opened.resolve(stream);
      await go.promise;
      await buffer(stream);
      return RESULT;
    },
  });
  const outgoing = open(server.path);
  const piece = Buffer.alloc(256 * 1024);
  // until it is held back: what pipes and buffers take is bounded
  let sent = 0;
  while (outgoing.write(piece)) sent += piece.length;
  while (sent < 64 * 1024 * 1024 && outgoing.writableNeedDrain) {
    const stream = await opened.promise;
    assert.ok(stream.readableLength <= 1024 * 1024);
    go.resolve(undefined);
    await once(outgoing, 'drain');
    while (sent < 64 * 1024 * 1024 && outgoing.write(piece)) sent += piece.length;
    sent += piece.length;
  }
  outgoing.end();
  assert.equal((await answerOf(outgoing)).statusCode, 200);
});

test('a refusal in the middle reaches a client that still sends', async (t) => {
  const server = await listen(t, {
    loadImages: async (stream: Readable) => {
      await once(stream, 'readable');
      throw new EngineError('archive_invalid', 'no archive');
    },
  });
  for (const accept of ['application/json', 'application/x-ndjson']) {
    const outgoing = open(server.path, { 'content-type': 'application/x-tar', accept });
    outgoing.end(Buffer.alloc(8 * 1024 * 1024));
    const response = await answerOf(outgoing);
    assert.equal(response.statusCode, accept === 'application/json' ? 400 : 200);
    assert.match(await textOf(response), /"code":"archive_invalid"/);
  }
});

test('a client that goes in the middle is an error of the stream, and ends the work', async (t) => {
  const failed = Promise.withResolvers<unknown>();
  const aborted = Promise.withResolvers<unknown>();
  const server = await listen(t, {
    loadImages: async (stream: Readable, _query, _report, signal) => {
      signal.addEventListener('abort', () => {
        aborted.resolve(signal.reason);
      });
      try {
        await buffer(stream);
      } catch (error) {
        failed.resolve(error);
        throw error;
      }
      return RESULT;
    },
  });
  const outgoing = open(server.path, { 'content-type': 'application/x-tar', 'content-length': '1000000' });
  await new Promise((resolve) => {
    outgoing.write(Buffer.alloc(1000), resolve);
  });
  outgoing.destroy();
  assert.match(String(await failed.promise), /the client has gone/);
  assert.match(String(await aborted.promise), /the client has gone/);
  assert.deepEqual(
    server.lines.filter(({ level }) => level === 'error'),
    [],
  );
});
