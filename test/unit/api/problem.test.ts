import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Value } from '@sinclair/typebox/value';
import { Problem } from '../../../shared/api/problem.ts';
import { EDGE_CODES, MEANINGS, statusOf, toProblem, type ProblemCode } from '../../../daemon/api/problem.ts';
import { ERROR_CODES, EngineError } from '../../../daemon/engine/errors.ts';
import { serve } from './scripted-engine.ts';

const codes = [...Object.keys(ERROR_CODES), ...Object.keys(EDGE_CODES)] as ProblemCode[];

test('every code has a status and a documented meaning, and nothing else has', () => {
  assert.deepEqual(Object.keys(MEANINGS).sort(), [...codes].sort());
  const text = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
  for (const code of codes) {
    assert.ok(statusOf(code) >= 400 && statusOf(code) < 600, code);
    assert.ok(text.includes(`| ${String(statusOf(code))} | \`${code}\` | ${MEANINGS[code]} |`), code);
  }
});

test('an engine error becomes a document with all it knows', () => {
  const operation = { index: 4, name: 'bind', step: 'bind /data', errno: 'ENOENT', path: '/data' };
  const problem = toProblem(
    new EngineError('launch_failed', 'bind /data: ENOENT', { field: 'mounts[0]', hint: 'make it', operation }),
  );
  assert.deepEqual(problem, {
    type: 'urn:tare:problem:launch_failed',
    title: 'launch failed',
    status: 422,
    detail: 'bind /data: ENOENT',
    code: 'launch_failed',
    field: 'mounts[0]',
    hint: 'make it',
    operation,
  });
  assert.ok(Value.Check(Problem, problem));
});

const { api, lines } = serve({
  start: (ref) =>
    Promise.reject(
      ref === 'broken' ? new TypeError('secret of the inside') : new EngineError(ref as 'internal', `no: ${ref}`),
    ),
  inspect: () => {
    throw new EngineError('container_not_found', 'no container x');
  },
});
after(() => api.close());

for (const code of Object.keys(ERROR_CODES)) {
  test(`${code} reaches the client with its status`, async () => {
    const answer = await api.inject({ method: 'POST', url: `/v1/containers/${code}/start` });
    assert.equal(answer.statusCode, statusOf(code as ProblemCode));
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.ok(Value.Check(Problem, answer.json()));
    assert.equal(answer.json<Problem>().code, code);
  });
}

test('an unforeseen error is logged with its cause and tells the client nothing of it', async () => {
  lines.length = 0;
  const answer = await api.inject({ method: 'POST', url: '/v1/containers/broken/start' });
  assert.equal(answer.statusCode, 500);
  assert.equal(answer.json<Problem>().code, 'internal');
  assert.doesNotMatch(answer.body, /secret/);
  const [fault] = lines.filter(({ level }) => level === 'error');
  assert.match(String(fault?.err), /secret of the inside/);
});

test('an error thrown before any promise is treated alike', async () => {
  const answer = await api.inject('/v1/containers/x');
  assert.equal(answer.statusCode, 404);
  assert.equal(answer.json<Problem>().code, 'container_not_found');
});

test('unknown paths are 404, known ones with another method 405 with Allow', async () => {
  for (const url of ['/', '/v1', '/v2/containers', '/v1/containers/x/nope', '/v1/execs']) {
    const answer = await api.inject(url);
    assert.equal(answer.statusCode, 404, url);
    assert.equal(answer.json<Problem>().code, 'route_not_found');
  }
  const answer = await api.inject({ method: 'PUT', url: '/v1/containers/x' });
  assert.equal(answer.statusCode, 405);
  assert.equal(answer.headers.allow, 'GET, DELETE');
  const wait = await api.inject({ method: 'DELETE', url: '/v1/containers/x/wait?a=b' });
  assert.equal(wait.headers.allow, 'GET, POST');
});

test('requests of foreign pages are refused, tare itself may', async () => {
  for (const origin of ['http://evil.example', 'null', 'http://tare.evil.example', 'https://tare']) {
    const answer = await api.inject({ method: 'POST', url: '/v1/containers/conflict/start', headers: { origin } });
    assert.equal(answer.statusCode, 403, origin);
    assert.equal(answer.json<Problem>().code, 'origin_not_allowed');
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
  const own = await api.inject({ method: 'GET', url: '/v1/ping', headers: { origin: 'http://tare' } });
  assert.equal(own.statusCode, 200);
});
