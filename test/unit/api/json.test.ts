import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonError, MAX_JSON_DEPTH, parseJson, stringifyJson } from '../../../shared/json.ts';

/** JSON.parse makes `__proto__` an own property, which parseJson refuses. */
function hasRefusedName(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, item]) => name === '__proto__' || hasRefusedName(item));
}

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, 2), (value, indent) => {
      fc.pre(!hasRefusedName(value));
      const text = JSON.stringify(value, undefined, indent);
      const read = parseJson(text);
      assert.deepEqual(JSON.parse(stringifyJson(read)), JSON.parse(text));
    }),
  );
});

test('accepts no text that JSON.parse refuses', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('{}[]:,"\\ 0123.-eE+ntrufalse')) }), (text) => {
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        assert.throws(() => parseJson(text), JsonError);
        return;
      }
      try {
        assert.deepEqual(parseJson(text), expected);
      } catch (error) {
        assert.ok(error instanceof JsonError);
      }
    }),
    { numRuns: 5000 },
  );
});

test('keeps every integer of 64 bits and more, both ways', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
      const text = `{"a":[${String(integer)}]}`;
      const { a } = parseJson(text) as { a: [number | bigint] };
      assert.equal(BigInt(a[0]), integer);
      assert.equal(stringifyJson({ a }), text);
    }),
  );
});

test('leaves fractions and exponents to the double', () => {
  assert.deepEqual(
    parseJson('[0.1234567890123456789, 1e3, 12345678901234567890.5]'),
    [0.1234567890123456789, 1000, 12345678901234567890.5],
  );
});

for (const [what, text, message] of [
  ['a name twice', '{"a":1,"b":{"a":1},"a":2}', /"a" appears twice/],
  ['a name twice, once escaped', '{"a":1,"\\u0061":2}', /"a" appears twice/],
  ['__proto__', '{"a":[{"__proto__":{}}]}', /__proto__/],
  ['__proto__, escaped', '{"\\u005f_proto__":{}}', /__proto__/],
  ['constructor.prototype', '{"constructor":{"prototype":{}}}', /prototype/],
  ['a number beyond doubles', '[1e400]', /too large/],
  ['a text without its end', '{"a', /does not end/],
  ['half a document', '{"a":1', /not JSON/],
  ['nothing', '', /not JSON/],
] as const) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof JsonError && message.test(error.message),
    );
  });
}

test('lets the same name appear in different objects, and a label be named constructor', () => {
  assert.deepEqual(parseJson('[{"a":1},{"a":2},{"b":{"a":{"a":"a"}}}]'), [
    { a: 1 },
    { a: 2 },
    { b: { a: { a: 'a' } } },
  ]);
  assert.deepEqual(parseJson('{"constructor":"x","prototype":"y"}'), { constructor: 'x', prototype: 'y' });
});

test('counts depth, brackets in texts apart', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  assert.ok(parseJson(nested(MAX_JSON_DEPTH)));
  assert.throws(() => parseJson(nested(MAX_JSON_DEPTH + 1)), /deeper than 64/);
  assert.throws(() => parseJson('['.repeat(4_000_000)), /deeper than 64/);
  assert.equal(parseJson(JSON.stringify('['.repeat(1000))), '['.repeat(1000));
});
