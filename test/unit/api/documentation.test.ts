import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { documentationText } from '../../../daemon/api/documentation.ts';
import { openApi } from '../../../daemon/api/openapi.ts';
import { ROUTES } from '../../../daemon/api/routes.ts';
import { serve } from './scripted-engine.ts';

const { api } = serve({});
after(() => api.close());

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

test('docs/api.md is what the routes say; `node scripts/generate-api-docs.ts` writes it', () => {
  const text = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
  assert.equal(text, documentationText(ROUTES));
});

test('the served OpenAPI document describes every route once', async () => {
  const answer = await api.inject('/v1/openapi.json');
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  const document = answer.json<{ openapi: string; paths: Record<string, Record<string, Operation>> }>();
  assert.deepEqual(document, JSON.parse(JSON.stringify(openApi(ROUTES, '1.2.3'))));
  assert.match(document.openapi, /^3\.1\.[0-9]+$/);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const identifiers = new Set(operations.map(({ operation }) => operation.operationId));
  assert.equal(identifiers.size, operations.length);
  for (const { path, operation } of operations) {
    const named = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name);
    assert.deepEqual(
      operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
      named,
    );
    assert.ok(
      Object.keys(operation.responses).some((status) => Number(status) < 300),
      path,
    );
    for (const response of Object.values(operation.responses)) assert.ok(response.description.length > 0);
  }
  for (const route of ROUTES) {
    const path = route.path.replace(':id', '{id}');
    const isShared = route.path === '/v1/execs/:id/start' && route.method === 'GET';
    assert.ok(document.paths[path]?.[route.method.toLowerCase()] !== undefined || isShared, path);
  }
});

test('every reference in the OpenAPI document leads somewhere', () => {
  const document = JSON.parse(JSON.stringify(openApi(ROUTES, '1'))) as {
    components: { schemas: Record<string, unknown> };
  };
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, reference = '']) => reference,
  );
  assert.ok(references.length > 20);
  for (const reference of new Set(references)) {
    const name = reference.replace('#/components/schemas/', '');
    assert.ok(Object.hasOwn(document.components.schemas, name), reference);
    assert.notDeepEqual(document.components.schemas[name], { $ref: reference }, `${name} is defined by itself`);
  }
});

test('the docs page is complete in itself', async () => {
  const answer = await api.inject('/v1/docs');
  assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  assert.doesNotMatch(answer.body, /<script|<link|src=|@import|url\(/);
  for (const { path } of ROUTES) assert.ok(answer.body.includes(path.replace(':id', '{id}')), path);
});

test('HEAD answers where GET answers once', async () => {
  const answer = await api.inject({ method: 'HEAD', url: '/v1/ping' });
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.body, '');
});
