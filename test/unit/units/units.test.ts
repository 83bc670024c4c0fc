import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAge, formatBytes, formatDuration, parseBytes, parseDuration } from '../../../shared/units.ts';

void test('sizes are read exactly', () => {
  const sizes: [string | number, number][] = [
    ['0', 0],
    ['512', 512],
    [512, 512],
    ['1k', 1024],
    ['1kb', 1024],
    ['1KiB', 1024],
    ['512MiB', 536_870_912],
    ['1.5g', 1_610_612_736],
    ['0.1g', 107_374_182],
    ['1 GiB', 1_073_741_824],
    [' 2T ', 2_199_023_255_552],
    ['10b', 10],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseBytes(text), bytes, String(text));
});

void test('what is no size is refused with a readable message', () => {
  for (const text of [
    '',
    ' ',
    '12XB',
    '-1',
    '1.',
    '.5g',
    '1e3',
    '0x10',
    '1ib',
    '1 i',
    'k',
    '1gg',
    '1,5g',
    'NaN',
    '1'.repeat(99),
  ]) {
    assert.throws(() => parseBytes(text), { name: 'RangeError', message: /is not a size such as 512MiB$/ }, text);
  }
  for (const number of [-1, 1.5, NaN, Infinity, 2 ** 53]) assert.throws(() => parseBytes(number), RangeError);
  assert.throws(() => parseBytes('9007199254740992'), /more than 2\^53 - 1 bytes/);
  assert.throws(() => parseBytes('8p'), /more than/);
});

void test('a size that is written is read again as nearly the same', () => {
  assert.equal(formatBytes(0), '0B');
  assert.equal(formatBytes(1023), '1023B');
  assert.equal(formatBytes(536_870_912), '512MiB');
  assert.equal(formatBytes(1_610_612_736), '1.5GiB');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
      assert.ok(Math.abs(parseBytes(formatBytes(bytes)) - bytes) <= bytes * 0.001 + 1);
    }),
  );
});

void test('durations', () => {
  const durations: [string | number, number][] = [
    ['10', 10_000],
    [10, 10_000],
    ['1.5', 1500],
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
  ];
  for (const [text, milliseconds] of durations) assert.equal(parseDuration(text), milliseconds, String(text));
  for (const text of ['', 'x', '-1s', '1 s', '10x', 's', '1s2']) {
    assert.throws(() => parseDuration(text), { message: /is not a duration such as/ }, text);
  }
  assert.equal(formatDuration(0), '0ms');
  assert.equal(formatDuration(1500), '1.5s');
  assert.equal(formatDuration(3_723_000), '1h2m3s');
  assert.equal(formatDuration(60_000), '1m');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), (milliseconds) => {
      assert.equal(Math.round(parseDuration(formatDuration(milliseconds))), milliseconds);
    }),
  );
  assert.equal(formatAge(400), 'less than a second');
  assert.equal(formatAge(60_000), '1 minute');
  assert.equal(formatAge(7_300_000), '2 hours');
});
