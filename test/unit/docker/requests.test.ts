import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DockerError } from '../../../daemon/docker/error.ts';
import { Fields } from '../../../daemon/docker/fields.ts';
import { admitsLabels, flagOf, parseFilters } from '../../../daemon/docker/filters.ts';
import { hasTag, joinedName, platformOf, splitName } from '../../../daemon/docker/images/names.ts';
import { momentOf } from '../../../daemon/docker/moments.ts';
import { parseDockerBody } from '../../../daemon/docker/body.ts';
import { DockerQuery } from '../../../daemon/docker/query.ts';
import { barText } from '../../../daemon/docker/streams/progress-bar.ts';
import { goTime, unixNanoseconds, unixSeconds } from '../../../daemon/docker/time.ts';
import { askedOf, isDockers, refusalOf } from '../../../daemon/docker/versions.ts';

test('paths are Docker’s by their version or their first part', () => {
  for (const url of ['/v1.41/x', '/v1.24', '/_ping', '/containers/json?all=1', '/images/a/b/json', '/info']) {
    assert.ok(isDockers(url), url);
  }
  for (const url of ['/v1/containers', '/v1', '/metrics', '/', '/v1.x/y', '/containersx'])
    assert.ok(!isDockers(url), url);
  assert.deepEqual(askedOf('/v1.41/info?x=1'), { url: '/info?x=1', version: { major: 1, minor: 41 } });
  assert.deepEqual(askedOf('/v1.41'), { url: '/', version: { major: 1, minor: 41 } });
  assert.equal(refusalOf({ major: 1, minor: 51 }), undefined);
  assert.match(refusalOf({ major: 1, minor: 52 }) ?? '', /1\.52 is too new/);
  assert.match(refusalOf({ major: 1, minor: 23 }) ?? '', /1\.23 is too old/);
});

test('filters in both encodings', () => {
  assert.deepEqual(
    [...parseFilters('{"a":["x"],"b":{"y":true,"z":false}}', ['a', 'b'])],
    [
      ['a', ['x']],
      ['b', ['y']],
    ],
  );
  assert.equal(flagOf(parseFilters('{"a":["1"]}', ['a']), 'a'), true);
  assert.equal(flagOf(parseFilters('{"a":["false"]}', ['a']), 'a'), false);
  assert.throws(() => flagOf(parseFilters('{"a":["maybe"]}', ['a']), 'a'), DockerError);
  assert.throws(() => parseFilters('{"c":["x"]}', ['a']), /invalid filter 'c'/);
  const filters = parseFilters('{"label":["a","b=c"],"label!":["d"]}', ['label', 'label!']);
  assert.ok(admitsLabels({ a: '', b: 'c' }, filters));
  assert.ok(!admitsLabels({ a: '', b: 'c', d: '' }, filters));
  assert.ok(!admitsLabels({ a: '', b: 'x' }, filters));
});

test('whatever a client sends as filters, body or query: a value or a DockerError', () => {
  const known = ['a', 'label'];
  const orRefused = (work: () => unknown): void => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof DockerError && error.status === 400, String(error));
    }
  };
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      orRefused(() => parseFilters(text, known));
      orRefused(() => parseDockerBody(Buffer.from(text)));
      orRefused(() => momentOf(text, 'since'));
      orRefused(() => platformOf(text));
      orRefused(() => new DockerQuery({ a: text }).integer('a'));
      const fields = new Fields({ A: text });
      for (const read of ['text', 'flag', 'integer', 'texts', 'numbers', 'object', 'objects', 'record'] as const) {
        orRefused(() => fields[read]('a'));
      }
    }),
  );
});

test('moments: seconds, durations, dates with and without a zone', () => {
  assert.equal(momentOf('5', 'since'), '5.000000000');
  assert.equal(momentOf('5.25', 'since'), '5.250000000');
  assert.equal(momentOf('2026-01-02T03:04:05.5Z', 'since'), '1767323045.500000000');
  assert.equal(momentOf('2026-01-02T03:04:05+01:00', 'since'), '1767319445.000000000');
  assert.equal(momentOf('2026-01-02', 'since'), '1767312000.000000000');
  const before = Date.now() / 1000 - Number(momentOf('1h30m', 'since'));
  assert.ok(Math.abs(before - 5400) < 60, String(before));
});

test('times as Go writes them', () => {
  assert.equal(goTime('2026-01-02T03:04:05.000000000Z'), '2026-01-02T03:04:05Z');
  assert.equal(goTime('2026-01-02T03:04:05.120000000Z'), '2026-01-02T03:04:05.12Z');
  assert.equal(goTime(undefined), '0001-01-01T00:00:00Z');
  assert.equal(unixSeconds('2026-01-02T03:04:05.900000000Z'), 1_767_323_045);
  assert.equal(unixNanoseconds('2026-01-02T03:04:05.000000006Z'), 1_767_323_045_000_000_006n);
});

test('names of images, in two parts and in one', () => {
  assert.equal(joinedName('a/b', '1'), 'a/b:1');
  assert.equal(joinedName('a/b', 'sha256:00'), 'a/b@sha256:00');
  assert.deepEqual(splitName('host:5000/a:1'), ['host:5000/a', '1']);
  assert.deepEqual(splitName('host:5000/a'), ['host:5000/a', '']);
  assert.ok(hasTag('a:1') && !hasTag('host:5000/a') && hasTag('a@sha256:00'));
  assert.equal(platformOf('{"os":"linux","architecture":"arm","variant":"v7"}'), 'linux/arm/v7');
});

test('a bar is as wide as any other', () => {
  assert.equal(barText(0, 100), `[>${' '.repeat(49)}]      0B/100B`);
  assert.equal(barText(100, 100), `[${'='.repeat(50)}]    100B/100B`);
  assert.equal(barText(1500, 0), '1.5kB');
});
