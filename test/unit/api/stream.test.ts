import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { LogEntry } from '../../../shared/api/logs.ts';
import type { Event } from '../../../shared/api/event.ts';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { get, listen, textOf } from './socket.ts';

const at = '2026-01-02T03:04:05.000000006Z';
const entries: LogEntry[] = [
  { at, stream: 'stdout', text: 'one', partial: false },
  { at, stream: 'stderr', text: 'tw', partial: true },
  { at, stream: 'stderr', text: 'o ä', partial: false },
];

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

test('logs come as NDJSON, as server-sent events, or as they were written', async (t) => {
  const server = await listen(t, { logs: () => Promise.resolve(from(entries)) });
  const ndjson = await get(server.path, '/v1/containers/web/logs?tail=3&stderr=0');
  assert.equal(ndjson.response.headers['content-type'], 'application/x-ndjson');
  assert.equal(await textOf(ndjson.response), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  assert.deepEqual(server.calls.at(-1)?.slice(0, 3), ['logs', 'web', { tail: '3', stderr: false }]);

  const events = await get(server.path, '/v1/containers/web/logs', { accept: 'text/event-stream' });
  assert.equal(events.response.headers['content-type'], 'text/event-stream');
  assert.equal(await textOf(events.response), entries.map((entry) => `data: ${JSON.stringify(entry)}\n\n`).join(''));

  const text = await get(server.path, '/v1/containers/web/logs?timestamps=1', { accept: 'text/plain' });
  assert.equal(await textOf(text.response), `${at} one\n${at} tw${at} o ä\n`);
});

test('an event carries its number as the id of the server-sent event', async (t) => {
  const event: Event = { sequence: 42, at, action: 'start', container: 'c', name: 'web', labels: {} };
  const server = await listen(t, { events: () => from([event]) });
  const { response } = await get(server.path, '/v1/events?action=start', { accept: 'text/event-stream' });
  assert.equal(await textOf(response), `id: 42\ndata: ${JSON.stringify(event)}\n\n`);
});

test('headers come before the first item, and an error before them is an ordinary answer', async (t) => {
  const server = await listen(t, {
    events: (_query, signal) => silence(signal),
    logs: () => Promise.reject(new EngineError('container_not_found', 'no container web')),
  });
  const { request, response } = await get(server.path, '/v1/events');
  assert.equal(response.statusCode, 200);
  request.destroy();
  const refused = await get(server.path, '/v1/containers/web/logs');
  assert.equal(refused.response.statusCode, 404);
  assert.match(await textOf(refused.response), /container_not_found/);
});

async function* silence(signal: AbortSignal): AsyncGenerator<Event> {
  if (!signal.aborted) await once(signal, 'abort');
}

test('a client that goes ends the source', async (t) => {
  const ended = Promise.withResolvers<undefined>();
  async function* source(signal: AbortSignal): AsyncGenerator<Event> {
    try {
      yield* silence(signal);
    } finally {
      ended.resolve(undefined);
    }
  }
  const server = await listen(t, { events: (_query, signal) => source(signal) });
  const { request } = await get(server.path, '/v1/events');
  request.destroy();
  await ended.promise;
  assert.deepEqual(server.lines, []);
});

test('a client that does not read holds back the source; nothing is lost', async (t) => {
  let made = 0;
  const total = 4000;
  const line = 'x'.repeat(16 * 1024);
  async function* source(): AsyncGenerator<LogEntry> {
    for (; made < total; made++) yield await Promise.resolve({ at, stream: 'stdout', text: line, partial: false });
  }
  const server = await listen(t, { logs: () => Promise.resolve(source()) });
  const { response } = await get(server.path, '/v1/containers/web/logs');
  let before = -1;
  while (before !== made) {
    before = made;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  }
  assert.ok(made < total / 4, `${String(made)} of ${String(total)} were made for a client that reads nothing`);
  assert.equal((await textOf(response)).split('\n').length, total + 1);
});

test('a source that fails half-way breaks off the answer and is logged', async (t) => {
  async function* source(): AsyncGenerator<LogEntry> {
    yield* from(entries.slice(0, 1));
    throw new EngineError('shim_unreachable', 'the shim is gone');
  }
  const server = await listen(t, { logs: () => Promise.resolve(source()) });
  const { response } = await get(server.path, '/v1/containers/web/logs');
  await assert.rejects(textOf(response), { code: 'ECONNRESET' });
  assert.equal(server.lines.filter(({ level }) => level === 'warn').length, 1);
});

test('wait answers when the condition holds, and is given up when the client goes', async (t) => {
  const given = Promise.withResolvers<AbortSignal>();
  const exit = { unknown: false, code: 3, oomKilled: false, at };
  const server = await listen(t, {
    wait: async (ref, _condition, signal) => {
      if (ref === 'ends') return exit;
      given.resolve(signal);
      await once(signal, 'abort');
      throw signal.reason;
    },
  });
  const answered = await get(server.path, '/v1/containers/ends/wait?condition=removed');
  assert.deepEqual(JSON.parse(await textOf(answered.response)), exit);
  assert.deepEqual(server.calls[0]?.slice(0, 3), ['wait', 'ends', 'removed']);
  const pending = get(server.path, '/v1/containers/runs/wait');
  const signal = await given.promise;
  await server.api.close();
  await assert.rejects(pending);
  assert.equal(signal.aborted, true);
  assert.deepEqual(server.lines, []);
});
