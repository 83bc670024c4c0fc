import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  digestAlgorithm,
  digestHex,
  digestOf,
  DigestVerifier,
  isDigest,
  parseDigest,
} from '../../../daemon/images/digest.ts';
import { ImageError, shown } from '../../../daemon/images/errors.ts';
import {
  canonicalText,
  familiarText,
  parseReference,
  parseRepository,
  withDefaultTag,
} from '../../../daemon/images/reference.ts';

const HEX = 'a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4';

function refused(text: string): void {
  assert.throws(
    () => parseReference(text),
    (error: unknown) => error instanceof ImageError && error.code === 'invalid_reference',
    JSON.stringify(text),
  );
}

void test('names are read as docker reads them', () => {
  const cases: [text: string, canonical: string, familiar: string][] = [
    ['alpine', 'docker.io/library/alpine', 'alpine'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20', 'alpine:3.20'],
    ['you/app', 'docker.io/you/app', 'you/app'],
    ['library/alpine', 'docker.io/library/alpine', 'alpine'],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['docker.io/alpine', 'docker.io/library/alpine', 'alpine'],
    ['index.docker.io/you/app:1', 'docker.io/you/app:1', 'you/app:1'],
    ['docker.io/localhost/app', 'docker.io/localhost/app', 'docker.io/localhost/app'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['app:5000', 'docker.io/library/app:5000', 'app:5000'],
    ['127.0.0.1:5000/a/b__c/d-e.f', '127.0.0.1:5000/a/b__c/d-e.f', '127.0.0.1:5000/a/b__c/d-e.f'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    ['GHCR.io/you/app', 'ghcr.io/you/app', 'ghcr.io/you/app'],
    ['LOCALHOST/app', 'localhost/app', 'localhost/app'],
    [`app@sha256:${HEX}`, `docker.io/library/app@sha256:${HEX}`, `app@sha256:${HEX}`],
    [`r.io/app:1@sha256:${HEX}`, `r.io/app:1@sha256:${HEX}`, `r.io/app:1@sha256:${HEX}`],
    [`app@sha512:${HEX}${HEX}`, `docker.io/library/app@sha512:${HEX}${HEX}`, `app@sha512:${HEX}${HEX}`],
  ];
  for (const [text, canonical, familiar] of cases) {
    const reference = parseReference(text);
    assert.equal(canonicalText(reference), canonical, text);
    assert.equal(familiarText(reference), familiar, text);
  }
});

void test('what is no name of an image is refused, and says why', () => {
  const wrong = [
    '',
    ' ',
    'Alpine',
    'a//b',
    '/a',
    'a/',
    'a:',
    'a:b:c',
    'a@',
    'a@sha256:abc',
    `a@sha256:${HEX.toUpperCase()}`,
    `a@md5:${HEX}`,
    `a@sha512:${HEX}`,
    'a@sha256:../../etc/passwd',
    '../etc/passwd',
    'a/../b',
    'a/..',
    'a..b',
    'a___b',
    '-a',
    'a-',
    `a:${'x'.repeat(129)}`,
    'a:.x',
    'a:-x',
    'x'.repeat(256),
    HEX,
    'a\nb',
    'a\0',
    'a b',
    'ä',
    'host.:5000/a',
    'ho_st.io/a',
    'host:99999999/a',
    'host:70000/a',
    '[::1/a',
    '[zz]:1/a',
    'user@host.io/a',
    'https://host.io/a',
    'host.io/a?x=y',
    'host.io/a#x',
    'host.io/%2e%2e/a',
  ];
  for (const text of wrong) refused(text);
  assert.throws(() => parseReference('Foo/Bar'), /lower case/);
  assert.throws(() => parseReference('Host/app'), /lower case/);
  assert.throws(
    () => parseReference(`bad name \u001b[31m${'x'.repeat(300)}`),
    (error: Error) => {
      return !error.message.includes('\u001b') && error.message.length < 400;
    },
  );
});

void test('the default tag stands for nothing but nothing', () => {
  assert.equal(withDefaultTag(parseReference('a')).tag, 'latest');
  assert.equal(withDefaultTag(parseReference('a:1')).tag, '1');
  assert.equal(withDefaultTag(parseReference(`a@sha256:${HEX}`)).tag, undefined);
  assert.deepEqual(parseRepository('a/b'), { registry: 'docker.io', path: 'a/b' });
  assert.throws(() => parseRepository('a:1'), ImageError);
  assert.throws(() => parseRepository(`a@sha256:${HEX}`), ImageError);
});

const word = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
const registry = fc.constantFrom(
  'docker.io',
  'localhost',
  'localhost:5000',
  'r.example',
  '10.0.0.1:80',
  '[fd00::1]:5000',
);
const reference = fc.record({
  registry,
  path: fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('/')),
  tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined }),
  digest: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/), { nil: undefined }),
});

void test('both texts of a reference are read back as the same reference', () => {
  fc.assert(
    fc.property(reference, ({ registry, path, tag, digest }) => {
      const text = `${registry}/${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@sha256:${digest}`}`;
      const parsed = parseReference(text);
      assert.equal(parsed.registry, registry);
      assert.ok(parsed.path === path || parsed.path === `library/${path}`);
      assert.deepEqual(parseReference(canonicalText(parsed)), parsed);
      assert.deepEqual(parseReference(familiarText(parsed)), parsed);
    }),
  );
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom('a', 'A', '0', '.', '/', ':', '@', '_', '-', '[', ']', '%', '\0', '\n', ' ', 'ä'),
    maxLength: 40,
  }),
);

void test('any text is an image that can stand in a URL and a path, or an ImageError', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      let parsed;
      try {
        parsed = parseReference(text);
      } catch (error) {
        assert.ok(error instanceof ImageError && error.code === 'invalid_reference');
        return;
      }
      const { registry, path, tag, digest } = parsed;
      assert.match(path, /^[a-z0-9/._-]+$/);
      assert.ok(!path.split('/').some((part) => part === '' || part === '..' || part === '.'));
      assert.match(tag ?? 'x', /^[\w.-]+$/);
      assert.ok(digest === undefined || isDigest(digest));
      const url = new URL(`https://${registry}/v2/${path}/`);
      assert.equal(url.pathname, `/v2/${path}/`);
      assert.equal(url.username + url.password, '');
      assert.deepEqual(parseReference(canonicalText(parsed)), parsed);
      assert.deepEqual(parseReference(familiarText(parsed)), parsed);
    }),
    { numRuns: 500 },
  );
});

void test('a digest is told from what looks like one', () => {
  const digest = parseDigest(`sha256:${HEX}`);
  assert.equal(digestHex(digest), HEX);
  assert.equal(digestAlgorithm(digest), 'sha256');
  assert.equal(digestAlgorithm(parseDigest(`sha512:${HEX}${HEX}`)), 'sha512');
  for (const text of ['', 'sha256:', HEX, `sha256:${HEX}0`, `sha256:${HEX}\n`, `SHA256:${HEX}`, `sha256:../${HEX}`]) {
    assert.throws(() => parseDigest(text), ImageError, text);
    assert.equal(isDigest(text), false);
  }
});

void test('content is verified against its digest, in one piece or in many', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 })),
      fc.constantFrom('sha256', 'sha512'),
      (pieces, algorithm) => {
        const all = Buffer.concat(pieces);
        const verifier = new DigestVerifier(digestOf(all, algorithm));
        for (const piece of pieces) verifier.update(piece);
        assert.equal(verifier.size, all.length);
        verifier.verify('a blob');
        const other = new DigestVerifier(digestOf(all, algorithm));
        other.update(Buffer.concat([all, Buffer.from('x')]));
        assert.throws(() => other.verify('blob x'), /^ImageError: blob x: the content is sha/);
      },
    ),
  );
});

void test('text of others does nothing to a terminal', () => {
  assert.equal(shown('a\u001b[2Jb\r\nc\u202e'), 'a\ufffd[2Jb\ufffd\ufffdc\ufffd');
  assert.equal(shown('x'.repeat(201)).length, 201);
});
