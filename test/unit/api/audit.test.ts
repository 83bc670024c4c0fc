import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { serve } from './scripted-engine.ts';

const id = 'c0ffee'.padEnd(64, '0');
const served = serve({
  identify: (ref) => (ref === 'web' ? id : undefined),
  create: () => Promise.resolve({ id, name: 'web', warnings: [] }),
  start: (ref) => (ref === 'web' ? Promise.resolve() : Promise.reject(new EngineError('container_not_found', 'no'))),
  kill: () => Promise.reject(new TypeError('broken')),
  remove: () => Promise.resolve(),
  wait: () => Promise.resolve({ unknown: false, code: 0, oomKilled: false, at: '' }),
  list: () => [],
});
const { api, lines } = served;
after(() => api.close());

async function auditOf(method: 'POST' | 'DELETE' | 'GET', url: string, body?: object) {
  lines.length = 0;
  await api.inject({ method, url, ...(body === undefined ? {} : { body }) });
  return lines.filter((line) => line.audit === true);
}

test('a call that changes something has one line: who, what, on which, how it came out', async () => {
  const [line, ...more] = await auditOf('POST', '/v1/containers/web/start');
  assert.equal(more.length, 0);
  assert.equal(typeof line?.milliseconds, 'number');
  assert.deepEqual(
    { ...line, milliseconds: 0 },
    {
      level: 'info',
      message: 'audit',
      audit: true,
      uid: 1000,
      peer: 77,
      method: 'POST',
      route: '/v1/containers/:id/start',
      ref: 'web',
      id,
      outcome: 'done',
      status: 204,
      milliseconds: 0,
    },
  );
});

test('create names the id it made, delete the one that went', async () => {
  assert.equal((await auditOf('POST', '/v1/containers', { rootfs: '/' }))[0]?.id, id);
  assert.equal((await auditOf('DELETE', '/v1/containers/web'))[0]?.id, id);
});

test('refusals and faults have a line with their code', async () => {
  const [unknown] = await auditOf('POST', '/v1/containers/other/start');
  assert.deepEqual([unknown?.outcome, unknown?.status, unknown?.code], ['refused', 404, 'container_not_found']);
  const [invalid] = await auditOf('POST', '/v1/containers', { nope: 1 });
  assert.deepEqual([invalid?.outcome, invalid?.status, invalid?.code], ['refused', 400, 'unknown_property']);
  const [fault] = await auditOf('POST', '/v1/containers/web/kill');
  assert.deepEqual([fault?.outcome, fault?.status, fault?.code], ['failed', 500, 'internal']);
});

test('reading leaves no line, and waiting is reading', async () => {
  assert.deepEqual(await auditOf('GET', '/v1/containers'), []);
  assert.deepEqual(await auditOf('POST', '/v1/containers/web/wait'), []);
});

test('metrics count requests, problems and containers', async () => {
  const { api: fresh } = serve({
    list: () => [{ status: 'running' }, { status: 'running' }, { status: 'stopped' }] as never,
    start: () => Promise.reject(new EngineError('launch_failed', 'no')),
  });
  await fresh.inject({ method: 'POST', url: '/v1/containers/web/start' });
  await fresh.inject('/v1/ping');
  const answer = await fresh.inject('/metrics');
  assert.equal(answer.statusCode, 200);
  for (const line of [
    'tare_containers{status="running"} 2',
    'tare_containers{status="paused"} 0',
    'tare_api_requests_total{method="GET",route="/v1/ping",status="200"} 1',
    'tare_api_problems_total{method="POST",route="/v1/containers/:id/start",code="launch_failed"} 1',
    'tare_api_request_seconds_bucket{method="GET",route="/v1/ping",le="+Inf"} 1',
    'tare_api_request_seconds_count{method="GET",route="/v1/ping"} 1',
  ]) {
    assert.ok(answer.body.split('\n').includes(line), line);
  }
  assert.match(answer.body, /^process_resident_memory_bytes [0-9]+/m);
  await fresh.close();
});
