import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import { MAX_JSON_DEPTH, parseJson, stringifyJson } from '../../../daemon/runtime/spec/json.ts';

const isSpecError = (error: unknown): boolean => error instanceof SpecError && error.field === 'config.json';

test('an integer beyond 2^53 keeps its digits both ways', () => {
  const text = '{"limit":18446744073709551615,"small":9007199254740991,"negative":-9007199254740993,"half":1.5}';
  const value = parseJson(text, 'config.json');
  assert.deepEqual(value, {
    limit: 18446744073709551615n,
    small: 9007199254740991,
    negative: -9007199254740993n,
    half: 1.5,
  });
  assert.equal(stringifyJson(value), text);
});

test('what JSON.parse would take in silence is refused', () => {
  const refused = [
    '{"a":1,"a":2}',
    '{"a":{"b":1,"\\u0062":2}}',
    '{"__proto__":{}}',
    '{"x":[{"constructor":{"prototype":1}}]}',
    '{"\\u005f_proto__":1}',
    '',
    '{',
    'undefined',
    `${'['.repeat(MAX_JSON_DEPTH + 1)}${']'.repeat(MAX_JSON_DEPTH + 1)}`,
    `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  ];
  for (const text of refused) assert.throws(() => parseJson(text, 'config.json'), isSpecError, text.slice(0, 40));
});

test('one key in two objects, a key as a value and the deepest nesting are fine', () => {
  assert.deepEqual(parseJson('[{"a":"a"},{"a" : "b\\"{["}]', 'config.json'), [{ a: 'a' }, { a: 'b"{[' }]);
  assert.doesNotThrow(() => parseJson(`${'['.repeat(MAX_JSON_DEPTH)}${']'.repeat(MAX_JSON_DEPTH)}`, 'config.json'));
});

test('any JSON value is read back as it was written', () => {
  const forbidden = new Set(['__proto__', 'constructor']);
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      const plain: unknown = JSON.parse(text);
      try {
        // A number beyond 2^53 becomes a bigint, which prints the same.
        assert.deepEqual(JSON.parse(stringifyJson(parseJson(text, 'config.json'))), plain);
      } catch (error) {
        assert.ok(isSpecError(error) && [...forbidden].some((key) => text.includes(key)), String(error));
      }
    }),
  );
});
