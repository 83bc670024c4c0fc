/** Patterns of names are read as path.Match of Go reads them: its own table of cases, and no pattern takes long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { patternOf } from '../../../daemon/engine/images/pattern.ts';

const CASES: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
  ['abc', 'abc', true],
  ['*', 'abc', true],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*', 'abc', true],
  ['a*', 'ab/c', false],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[e-g]', 'abc', false],
  ['ab[^c]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'ab', false],
  ['a?b', 'a☺b', true],
  ['a???b', 'a☺b', false],
  ['[a-ζ]*', 'α', true],
  ['a?b', 'a/b', false],
  ['a*b', 'a/b', false],
  ['[\\]a]', ']', true],
  ['[\\-x]', '-', true],
  ['[x\\-]', 'z', false],
  ['*x', 'xxx', true],
  ['ghcr.io/*/app:1*', 'ghcr.io/you/app:1.2', true],
  ['', '', true],
  ['', 'a', false],
];

test('a pattern matches what it matches in Go', () => {
  for (const [pattern, name, matches] of CASES) {
    assert.equal(patternOf(pattern, 'reference')(name), matches, `${pattern} and ${name}`);
  }
});

test('what is no pattern is refused by the name of its field', () => {
  for (const pattern of ['[', '[]', '[]a]', '[-]', '[x-]', '[-x]', '[a-b-c]', '[^', '[^bc', 'a[', '\\']) {
    assert.throws(
      () => patternOf(pattern, 'reference'),
      (error) => error instanceof EngineError && error.code === 'invalid_field' && error.field === 'reference',
      pattern,
    );
  }
});

test('a name is matched by itself with any part of it replaced by a star, if that part has no slash', () => {
  const word = fc.stringMatching(/^[a-z0-9.:/-]{0,20}$/);
  fc.assert(
    fc.property(word, word, word, (before, part, after) => {
      const fits = patternOf(`${before}*${after}`, 'reference')(before + part + after);
      assert.equal(fits || part.includes('/'), true);
    }),
  );
});

/** As it would be said with a regular expression, which takes for ever where there are many stars. */
function slowly(pattern: string, name: string): boolean {
  const source = Array.from(pattern, (character) =>
    character === '*' ? '[^/]*' : character === '?' ? '[^/]' : character,
  );
  return new RegExp(`^${source.join('')}$`).test(name);
}

test('stars match what they match one by one', () => {
  const pattern = fc.stringMatching(/^[ab/*?]{0,8}$/);
  fc.assert(
    fc.property(pattern, fc.stringMatching(/^[ab/]{0,12}$/), (text, name) => {
      assert.equal(patternOf(text, 'reference')(name), slowly(text, name));
    }),
    { numRuns: 2000 },
  );
});
