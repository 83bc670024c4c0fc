import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseRecord } from '../../../daemon/engine/logs/record.ts';
import { formatTime, parseTime } from '../../../shared/time.ts';

void describe('a record of the log', () => {
  void test('is read as it was written, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 253_402_300_799_999_999_999n }),
        fc.constantFrom('stdout' as const, 'stderr' as const),
        fc.boolean(),
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('\n')),
        (ns, stream, partial, text) => {
          const at = formatTime(ns);
          const entry = parseRecord(`${at} ${stream} ${partial ? 'P' : 'F'} ${text}`);
          assert.deepEqual(entry, { at, stream, text, partial });
        },
      ),
    );
  });

  void test('anything else is none, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (line) => {
        assert.equal(parseRecord(line.replaceAll(' ', '')), undefined);
        parseRecord(line);
      }),
    );
    const at = '2026-01-01T00:00:00.000000001Z';
    for (const line of [
      '',
      at,
      `${at} stdout`,
      `${at} stdout F`,
      `${at} stdin F x`,
      `${at} stdout X x`,
      `${at} stdout FP x`,
      `${at} stdoutF x`,
      `yesterday stdout F x`,
      `2026-02-30T00:00:00Z stdout F x`,
    ]) {
      assert.equal(parseRecord(line), undefined, line);
    }
  });

  void test('a cut record is none or has a shorter text', () => {
    const whole = '2026-01-01T00:00:00.000000001Z stderr P some text';
    for (let size = 0; size < whole.length; size += 1) {
      const entry = parseRecord(whole.slice(0, size));
      if (entry !== undefined) assert.ok('some text'.startsWith(entry.text));
    }
  });

  void test('other precisions, zones and tags of other writers are taken', () => {
    assert.deepEqual(parseRecord('2026-01-01T01:00:00.5+01:00 stdout F:x:y  two blanks'), {
      at: '2026-01-01T00:00:00.500000000Z',
      stream: 'stdout',
      text: ' two blanks',
      partial: false,
    });
    assert.equal(parseRecord('2026-01-01T00:00:00Z stdout F ')?.text, '');
  });
});

void describe('time', () => {
  void test('what is formatted is parsed to the same', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -62_167_219_200n * 10n ** 9n, max: 253_402_300_799_999_999_999n }), (ns) => {
        assert.equal(parseTime(formatTime(ns)), ns);
      }),
    );
  });

  void test('seconds since 1970, zones, and what is no time', () => {
    assert.equal(formatTime(parseTime('1767225600.25')), '2026-01-01T00:00:00.250000000Z');
    assert.equal(formatTime(parseTime('2026-01-01t02:30:00+02:30')), '2026-01-01T00:00:00.000000000Z');
    for (const text of [
      '',
      ' ',
      '1e9',
      '-1',
      '1.',
      '2026-01-01',
      '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '10m',
    ]) {
      assert.throws(() => parseTime(text), { name: 'InvalidTime' }, text);
    }
    assert.throws(() => formatTime(10n ** 21n), { name: 'InvalidTime' });
  });
});
