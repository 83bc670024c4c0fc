import assert from 'node:assert/strict';
import { test } from 'node:test';
import reference from '@balena/dockerignore';
import fc from 'fast-check';
import { InvalidPattern, isIgnored, parseIgnore } from '../../../shared/dockerignore.ts';
import { hiddenFiles } from '../../../daemon/engine/build/ignore.ts';

const ignored = (text: string, path: string): boolean => isIgnored(parseIgnore(text), path);

test('patterns, directories, exceptions, and the last that fits', () => {
  for (const [text, path, expected] of [
    ['a', 'a', true],
    ['a', 'a/b/c', true],
    ['a', 'b/a', false],
    ['*/a', 'b/a', true],
    ['**/a', 'a', true],
    ['**/a', 'b/c/a/d', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b', true],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/b/b/c', true],
    ['*.md\n!README.md', 'README.md', false],
    ['*.md\n!README.md', 'x.md', true],
    ['*\n!src', 'src/a', false],
    ['!a\na', 'a', true],
    ['# a\n\n ./b/ \n/c', 'b/x', true],
    ['# a\n\n ./b/ \n/c', 'c', true],
    ['# a', 'a', false],
    ['[a-c]?', 'bz', true],
    ['[^a-c]?', 'bz', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a/../b', 'b', true],
    ['B', 'b', false],
    ['.', 'a', false],
  ] as const) {
    assert.equal(ignored(text, path), expected, `${JSON.stringify(text)} of ${path}`);
  }
});

test('what is no pattern is refused', () => {
  for (const text of ['[', 'a/[b', '\\', '!', '[]']) assert.throws(() => parseIgnore(text), InvalidPattern, text);
});

const name = fc.stringMatching(/^[ab]{1,3}$/);
const part = fc.stringMatching(/^[ab?*]{1,3}$/).filter((text) => !text.includes('**'));
const pattern = fc
  .tuple(fc.boolean(), fc.array(fc.oneof(part, name, fc.constant('**')), { minLength: 1, maxLength: 3 }))
  .filter(([, parts]) => parts.some((each) => each !== '**'))
  .map(([isException, parts]) => `${isException ? '!' : ''}${parts.join('/')}`);

test('it ignores what another implementation ignores', () => {
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 4 }), fc.array(name, { minLength: 1, maxLength: 4 }), (patterns, names) => {
      const path = names.join('/');
      const expected = reference.default({ ignorecase: false }).add(patterns).ignores(path);
      assert.equal(ignored(patterns.join('\n'), path), expected);
    }),
    { numRuns: 2000 },
  );
});

test('whatever comes is read or refused, in no time', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab*?[]^!-\\/\n.#'.split('')) }), fc.array(name, { minLength: 1 }), (text, names) => {
      try {
        ignored(text, names.join('/'));
      } catch (error) {
        assert.ok(error instanceof InvalidPattern);
      }
    }),
  );
  assert.equal(ignored(`${'**/*a'.repeat(200)}b`, 'a/'.repeat(200) + 'c'), false);
  assert.equal(ignored(`${'*a'.repeat(1000)}b`, 'a'.repeat(2000)), false);
});

test("of the builder's own files those that are ignored are hidden from steps", () => {
  assert.deepEqual(hiddenFiles('Docker*\n.dockerignore', 'Dockerfile'), ['.dockerignore', 'Dockerfile']);
  assert.deepEqual(hiddenFiles('*\n!Dockerfile', 'Dockerfile'), ['.dockerignore']);
  assert.deepEqual(hiddenFiles('a', 'Dockerfile'), []);
});
