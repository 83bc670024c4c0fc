import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from '../../../daemon/images/registry/challenge.ts';

function read(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

void test('the challenges of registries are read', () => {
  assert.deepEqual(
    read('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'),
    [
      [
        'bearer',
        { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' },
      ],
    ],
  );
  assert.deepEqual(read('Basic realm="x"'), [['basic', { realm: 'x' }]]);
  assert.deepEqual(read('BASIC'), [['basic', {}]]);
});

void test('several challenges in one header, token68, odd spacing and escapes', () => {
  assert.deepEqual(read('Negotiate, Basic realm="a, \\"b\\"" , Bearer realm = tok , scope="",error="x"'), [
    ['negotiate', {}],
    ['basic', { realm: 'a, "b"' }],
    ['bearer', { realm: 'tok', scope: '', error: 'x' }],
  ]);
  assert.deepEqual(read('Negotiate YWJj==, Basic realm="x"'), [
    ['negotiate', {}],
    ['basic', { realm: 'x' }],
  ]);
  assert.deepEqual(read(', ,Basic realm="x",, '), [['basic', { realm: 'x' }]]);
  assert.deepEqual(read('Bearer Realm="first",REALM="second"'), [['bearer', { realm: 'first' }]]);
});

void test('what is not of the grammar is nothing, and what came before it counts', () => {
  for (const header of ['', ' ', ',', '"', '=', '=x', '\0', 'ä', 'x'.repeat(20_000)])
    assert.deepEqual(read(header), []);
  assert.deepEqual(read('Basic realm="x", Bearer realm="unfinished').slice(0, 1), [['basic', { realm: 'x' }]]);
  assert.equal(read('Bearer realm="unfinished')[0]?.[1].realm, undefined);
});

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,10}$/);
const value = fc.string({ unit: fc.constantFrom('a', 'b', ' ', ',', '=', '"', '\\', ':', '\t', 'ä'), maxLength: 20 });
const challenge = fc.record({
  scheme: token,
  parameters: fc.uniqueArray(fc.tuple(token, value, fc.boolean()), {
    selector: ([name]) => name.toLowerCase(),
    minLength: 1,
    maxLength: 4,
  }),
});

void test('what is written by the grammar is read back', () => {
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
      const header = challenges
        .map(({ scheme, parameters }) => {
          const words = parameters.map(([name, text, isBare]) => {
            const isToken = isBare && /^[A-Za-z0-9]+$/.test(text);
            return `${name}=${isToken ? text : `"${text.replace(/["\\]/g, '\\$&')}"`}`;
          });
          return `${scheme} ${words.join(', ')}`;
        })
        .join(', ');
      const expected = challenges.map(({ scheme, parameters }) => [
        scheme.toLowerCase(),
        Object.fromEntries(parameters.map(([name, text]) => [name.toLowerCase(), text])),
      ]);
      assert.deepEqual(read(header), expected);
    }),
  );
});

void test('no header is too odd', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: fc.constantFrom('a', 'b', ' ', '=', ',', '"', '\\', '\t', '~'), maxLength: 60 }),
  );
  fc.assert(
    fc.property(odd, (header) => {
      for (const { scheme } of parseChallenges(header)) assert.equal(scheme, scheme.toLowerCase());
    }),
    { numRuns: 1000 },
  );
});
