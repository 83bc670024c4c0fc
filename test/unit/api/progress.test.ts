import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { Report } from '../../../daemon/api/engine.ts';
import { EngineError } from '../../../daemon/engine/errors.ts';
import type { PullResponse, Progress } from '../../../shared/api/image.ts';
import { listen, textOf } from './socket.ts';

const RESULT: PullResponse = { images: [], upToDate: true };
const PULL = '/v1/images/pull';

async function post(path: string, url: string, body: unknown, headers: Record<string, string> = {}) {
  const outgoing = request({
    ...{ socketPath: path, path: url, method: 'POST' },
    headers: { 'content-type': 'application/json', ...headers },
  });
  outgoing.end(JSON.stringify(body));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { outgoing, response };
}

const itemsOf = (text: string): Progress[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Progress);

test('without being asked for more, long work answers once', async (t) => {
  const server = await listen(t, {
    pullImage: (_request, _auth, report) => {
      report({ status: 'waiting' });
      return Promise.resolve(RESULT);
    },
  });
  const { response } = await post(server.path, PULL, { reference: 'debian' }, { 'x-registry-auth': 'abc' });
  assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
  assert.deepEqual(JSON.parse(await textOf(response)), RESULT);
  assert.deepEqual(server.calls[0]?.slice(0, 3), ['pullImage', { reference: 'debian' }, 'abc']);
});

test('its refusal is a problem with a status of its own', async (t) => {
  const server = await listen(t, {
    pullImage: () => Promise.reject(new EngineError('registry_unauthorized', 'log in')),
  });
  const { response } = await post(server.path, PULL, { reference: 'debian' });
  assert.equal(response.statusCode, 401);
  assert.equal(response.headers['content-type'], 'application/problem+json');
});

test('who accepts NDJSON is told how it goes on, and last how it ended', async (t) => {
  const server = await listen(t, {
    pullImage: (_request, _auth, report) => {
      report({ status: 'downloading', layer: 'a', current: 1 });
      report({ status: 'downloading', layer: 'a', current: 2 });
      report({ status: 'done', layer: 'a' });
      return Promise.resolve(RESULT);
    },
  });
  const { response } = await post(server.path, PULL, { reference: 'x' }, { accept: 'application/x-ndjson' });
  assert.equal(response.headers['content-type'], 'application/x-ndjson');
  assert.deepEqual(itemsOf(await textOf(response)), [
    { status: 'downloading', layer: 'a', current: 2 },
    { status: 'done', layer: 'a' },
    { result: RESULT },
  ]);
});

test('as server-sent events too; a failure is the last item, and its code is counted', async (t) => {
  const server = await listen(t, {
    pullImage: () => Promise.reject(new EngineError('image_not_found', 'no such tag')),
  });
  const { response } = await post(server.path, PULL, { reference: 'x' }, { accept: 'text/event-stream' });
  assert.equal(response.statusCode, 200);
  const [line = ''] = (await textOf(response)).split('\n\n');
  const { problem } = JSON.parse(line.replace('data: ', '')) as Progress;
  assert.equal(problem?.code, 'image_not_found');
  assert.equal(problem.status, 404);
  assert.equal(server.lines.find(({ audit }) => audit === true)?.code, 'image_not_found');
});

test('the headers come before anything is told', async (t) => {
  const { promise, resolve } = Promise.withResolvers<PullResponse>();
  const server = await listen(t, { pullImage: () => promise });
  const { response } = await post(server.path, PULL, { reference: 'x' }, { accept: 'application/x-ndjson' });
  assert.equal(response.statusCode, 200);
  resolve(RESULT);
  assert.deepEqual(itemsOf(await textOf(response)), [{ result: RESULT }]);
});

test('a client that does not read holds nothing up, and costs no memory but for what is newest', async (t) => {
  const started = Promise.withResolvers<Report>();
  const end = Promise.withResolvers<PullResponse>();
  const server = await listen(t, {
    pullImage: (_request, _auth, report) => {
      started.resolve(report);
      return end.promise;
    },
  });
  const { response } = await post(server.path, PULL, { reference: 'x' }, { accept: 'application/x-ndjson' });
  response.pause();
  const report = await started.promise;
  const detail = 'd'.repeat(100);
  for (let current = 0; current < 200_000; current++) {
    report({ status: 'downloading', layer: `l${current % 2000}`, current, detail });
  }
  end.resolve(RESULT);
  const text = await textOf(response);
  const items = itemsOf(text);
  assert.ok(items.length < 3000, `${items.length} items`);
  assert.deepEqual(items.at(-1), { result: RESULT });
  assert.ok(items.some(({ current = 0 }) => current > 195_000));
});

test('a client that goes ends the work', async (t) => {
  const ended = Promise.withResolvers<unknown>();
  const server = await listen(t, {
    pullImage: async (_request, _auth, _report, signal) => {
      await once(signal, 'abort');
      ended.resolve(signal.reason);
      throw signal.reason;
    },
  });
  const { outgoing } = await post(server.path, PULL, { reference: 'x' }, { accept: 'application/x-ndjson' });
  outgoing.on('error', () => undefined).destroy();
  assert.match(String(await ended.promise), /the client has gone/);
  assert.deepEqual(
    server.lines.filter(({ level }) => level === 'error'),
    [],
  );
});

test('the name of an image in a path has its slashes, colons and digest', async (t) => {
  const server = await listen(t, { pushImage: () => Promise.resolve({ pushed: [] }) });
  const name = `ghcr.io:443/you/app:1@sha256:${'a'.repeat(64)}`;
  const { response } = await post(server.path, `/v1/images/${encodeURIComponent(name)}/push`, {});
  assert.equal(response.statusCode, 200);
  response.resume();
  assert.equal(server.calls[0]?.[1], name);
  const { response: refused } = await post(server.path, '/v1/images/a%20b/push', {});
  assert.equal(refused.statusCode, 400);
  assert.match(await textOf(refused), /"field":"id"/);
});

test('what must come in order and without a gap is all told, however slowly it is taken', async (t) => {
  let held = 0;
  const server = await listen(t, {
    buildImage: async (_stream, _query, _config, tell) => {
      for (let number = 0; number < 4000; number++) {
        const taken = tell({ output: `${number} ${'x'.repeat(1000)}\n` });
        if (taken !== undefined) held++;
        await taken;
        if (number === 2000) await tell({ status: 'waiting', layer: 'a' });
      }
      return { id: 'sha256:1', manifest: 'sha256:2', names: [] };
    },
  });
  const headers = { accept: 'application/x-ndjson', 'content-type': 'application/x-tar' };
  const { response } = await post(server.path, '/v1/build', 'not read', headers);
  const items = itemsOf(await textOf(response));
  const numbers = items.flatMap(({ output }) => (output === undefined ? [] : [parseInt(output, 10)]));
  assert.deepEqual(
    numbers,
    Array.from({ length: 4000 }, (_, index) => index),
  );
  assert.ok(held > 0);
  assert.equal(items.filter(({ status }) => status === 'waiting').length, 1);
  assert.deepEqual(items.at(-1)?.result, { id: 'sha256:1', manifest: 'sha256:2', names: [] });
});
