import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Problem } from '../../../shared/api/problem.ts';
import { serve } from './scripted-engine.ts';

const created = { id: 'a'.repeat(64), name: 'web', warnings: [] };
const { api, calls } = serve({
  create: () => Promise.resolve(created),
  list: () => [],
  kill: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  rename: () => Promise.resolve(),
  start: () => Promise.resolve(),
});
after(() => api.close());

async function post(body: string, url = '/v1/containers', type = 'application/json') {
  return api.inject({ method: 'POST', url, body, headers: { 'content-type': type } });
}

const WRONG_FIELDS: readonly (readonly [body: string, code: string, field: string, detail: RegExp])[] = [
  ['{"rootfs":"/","nope":1}', 'unknown_property', 'nope', /nope is not a known property/],
  ['{"limits":{"memori":1}}', 'unknown_property', 'limits.memori', /limits\.memori is not a known property/],
  ['{"rootfs":7}', 'invalid_field', 'rootfs', /rootfs must be an absolute path.*, not 7/],
  ['{"rootfs":"relative"}', 'invalid_field', 'rootfs', /must be an absolute path.*, not "relative"/],
  ['{"rootfs":"/a\\u0000b"}', 'invalid_field', 'rootfs', /not "\/a\\u0000b"/],
  ['{"rootfs":null}', 'invalid_field', 'rootfs', /not null/],
  ['{"name":"../x"}', 'invalid_field', 'name', /name must be letters, digits.*, not "\.\.\/x"/],
  ['{"name":""}', 'invalid_field', 'name', /not ""/],
  [`{"name":"${'x'.repeat(10_000)}"}`, 'invalid_field', 'name', /at most 128, not "x{50,60}…$/],
  ['{"limits":{"memory":-1}}', 'invalid_field', 'limits.memory', /not -1/],
  ['{"limits":{"memory":"12XB"}}', 'invalid_field', 'limits.memory', /size such as "512MiB", "1.5g", not "12XB"/],
  ['{"limits":{"memory":9223372036854775808}}', 'invalid_field', 'limits.memory', /9223372036854775808.*beyond 2\^53/],
  ['{"limits":{"pids":9007199254740993}}', 'invalid_field', 'limits.pids', /beyond 2\^53/],
  ['{"limits":{"cpus":0}}', 'invalid_field', 'limits.cpus', /a number above 0 and up to 8192, not 0/],
  ['{"limits":[]}', 'invalid_field', 'limits', /must be an object, not an empty list/],
  ['{"stopTimeout":1.5}', 'invalid_field', 'stopTimeout', /a whole number from 0 to 86400, not 1\.5/],
  ['{"tty":"yes"}', 'invalid_field', 'tty', /true or false, not "yes"/],
  ['{"command":[]}', 'invalid_field', 'command', /a list of at least one, not an empty list/],
  ['{"command":["a","b\\u0000"]}', 'invalid_field', 'command[1]', /text without NUL/],
  ['{"env":["A=1","=B"]}', 'invalid_field', 'env[1]', /not "=B"/],
  [
    '{"mounts":[{"type":"bind","target":"/a"},{"type":"bind","target":"b"}]}',
    'invalid_field',
    'mounts[1].target',
    /"b"/,
  ],
  ['{"mounts":[{"type":"bind"}]}', 'invalid_field', 'mounts[0].target', /is required: an absolute path/],
  ['{"network":{"mode":"x"}}', 'invalid_field', 'network.mode', /"container:ID" or "ns:\/PATH".*, not "x"/],
  ['{"labels":{"":"x"}}', 'invalid_field', 'labels.', /this name is empty/],
  ['{"labels":{"a":1}}', 'invalid_field', 'labels.a', /text without NUL, not 1/],
  ['{"sysctls":{"a\\nb":"x"}}', 'invalid_field', 'sysctls.a\nb', /this name/],
  ['{"oci":[]}', 'invalid_field', 'oci', /an object, not an empty list/],
];

for (const [body, code, field, detail] of WRONG_FIELDS) {
  test(`create refuses ${body.slice(0, 70)}`, async () => {
    const before = calls.length;
    const answer = await post(body);
    const problem = answer.json<Problem>();
    assert.equal(answer.statusCode, 400, answer.body);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.equal(problem.code, code);
    assert.equal(problem.field, field);
    assert.match(problem.detail, detail);
    assert.equal(calls.length, before, 'the engine was asked');
  });
}

test('create passes on what is right, and keeps 64-bit integers inside oci', async () => {
  const answer = await post('{"rootfs":"/","oci":{"process":{"rlimits":[{"hard":18446744073709551615}]}}}');
  assert.equal(answer.statusCode, 201);
  assert.deepEqual(answer.json(), created);
  assert.deepEqual(calls.at(-1), [
    'create',
    { rootfs: '/', oci: { process: { rlimits: [{ hard: 18446744073709551615n }] } } },
  ]);
});

for (const [what, body, status, code] of [
  ['no JSON', 'hello', 400, 'invalid_json'],
  ['truncated JSON', '{"rootfs":"/', 400, 'invalid_json'],
  ['a list', '[]', 400, 'invalid_json'],
  ['null', 'null', 400, 'invalid_json'],
  ['a depth of 10,000', `{"oci":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_001)}`, 400, 'invalid_json'],
  ['__proto__', '{"oci":{"__proto__":{"x":1}}}', 400, 'invalid_json'],
  ['a name twice', '{"rootfs":"/a","rootfs":"/b"}', 400, 'invalid_json'],
  ['more than 4 MiB', `{"name":"${'x'.repeat(4 * 1024 * 1024)}"}`, 413, 'body_too_large'],
] as const) {
  test(`a body with ${what} is refused`, async () => {
    const before = calls.length;
    const answer = await post(body);
    assert.equal(answer.statusCode, status, answer.body);
    assert.equal(answer.json<Problem>().code, code);
    assert.equal(calls.length, before);
  });
}

test('a body that is not UTF-8 is refused', async () => {
  const body = Buffer.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')]);
  const headers = { 'content-type': 'application/json' };
  const answer = await api.inject({ method: 'POST', url: '/v1/containers', body, headers });
  assert.equal(answer.json<Problem>().code, 'invalid_json');
});

test('bodies of other types are refused, on every method', async () => {
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
  ]) {
    const answer = await post('{"rootfs":"/"}', '/v1/containers', type);
    assert.equal(answer.statusCode, 415, type);
    assert.equal(answer.json<Problem>().code, 'unsupported_media_type');
  }
  const headers = { 'content-length': '2' };
  const answer = await api.inject({ method: 'POST', url: '/v1/containers/a/start', body: '{}', headers });
  assert.equal(answer.statusCode, 415);
});

test('a body may be left out where nothing in it is required', async () => {
  for (const body of [undefined, '', '{}']) {
    const headers = { 'content-type': 'application/json' };
    const stop = {
      method: 'POST',
      url: '/v1/containers/web/stop',
      headers,
      ...(body === undefined ? {} : { body }),
    } as const;
    assert.equal((await api.inject(stop)).statusCode, 204);
    assert.deepEqual(calls.at(-1), ['stop', 'web', {}]);
  }
  assert.equal((await api.inject({ method: 'POST', url: '/v1/containers/web/kill' })).statusCode, 204);
  assert.deepEqual(calls.at(-1), ['kill', 'web', undefined]);
  const rename = await api.inject({ method: 'POST', url: '/v1/containers/web/rename' });
  assert.equal(rename.json<Problem>().field, 'name');
});

test('a body where none belongs is refused', async () => {
  const answer = await post('{"x":1}', '/v1/containers/web/start');
  assert.equal(answer.json<Problem>().code, 'unknown_property');
});

test('queries become typed values', async () => {
  const url = '/v1/containers?all=1&status=running&status=paused&label=a%3Db+c&limit=5&name=x';
  assert.equal((await api.inject(url)).statusCode, 200);
  const query = { all: true, status: ['running', 'paused'], label: ['a=b c'], limit: 5, name: 'x' };
  assert.deepEqual(calls.at(-1), ['list', query]);
  await api.inject('/v1/containers?all');
  assert.deepEqual(calls.at(-1), ['list', { all: true }]);
  await api.inject('/v1/containers?all=false&label=one');
  assert.deepEqual(calls.at(-1), ['list', { all: false, label: ['one'] }]);
});

for (const [query, code, field] of [
  ['al=1', 'unknown_property', 'al'],
  ['__proto__=1', 'unknown_property', '__proto__'],
  ['toString=1', 'unknown_property', 'toString'],
  ['all=maybe', 'invalid_field', 'all'],
  ['all=1&all=1', 'invalid_field', 'all'],
  ['limit=x', 'invalid_field', 'limit'],
  ['limit=0', 'invalid_field', 'limit'],
  ['limit=1e3', 'invalid_field', 'limit'],
  ['limit=99999999999999999999', 'invalid_field', 'limit'],
  ['status=gone', 'invalid_field', 'status[0]'],
  ['name=a%00b', 'invalid_field', 'name'],
] as const) {
  test(`the query ${query} is refused`, async () => {
    const answer = await api.inject(`/v1/containers?${query}`);
    assert.equal(answer.statusCode, 400);
    const problem = answer.json<Problem>();
    assert.equal(problem.code, code);
    assert.equal(problem.field, field);
  });
}

for (const id of ['..%2fx', '%00', '-x', '', 'a%20b', 'x'.repeat(129), '%2e%2e']) {
  test(`the id ${id.slice(0, 20)} is refused`, async () => {
    const answer = await api.inject({ method: 'POST', url: `/v1/containers/${id}/start` });
    assert.ok([400, 404].includes(answer.statusCode), answer.body);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.notEqual(calls.at(-1)?.[0], 'start');
  });
}

test('an url that cannot be decoded is refused', async () => {
  const answer = await api.inject('/v1/containers/%zz');
  assert.equal(answer.statusCode, 400);
  assert.equal(answer.json<Problem>().code, 'invalid_request');
});
