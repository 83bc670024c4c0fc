import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { LogEntry } from '../../../shared/api/logs.ts';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { LogWriter, all, iterate, numbers, texts, type Stream } from './writer.ts';

void describe('a log as it is', () => {
  void test('one that is not there is empty', async (t) => {
    const log = new LogWriter(t);
    assert.deepEqual(await all(log.read()), []);
    assert.deepEqual(await all(log.read({ tail: '5' })), []);
  });

  void test('rotated files come first, oldest first, numerically', async (t) => {
    const log = new LogWriter(t, 15);
    for (let number = 1; number <= 13; number += 1) {
      if (number > 1) log.rotate();
      log.line(String(number));
    }
    assert.deepEqual(await texts(log.read()), numbers(1, 13));
    assert.deepEqual(await texts(log.read({ tail: '4' })), numbers(10, 13));
    assert.deepEqual(await texts(log.read({ tail: '0' })), []);
    assert.deepEqual(await texts(log.read({ tail: '100' })), numbers(1, 13));
    assert.deepEqual(await texts(log.read({ tail: 'all' })), numbers(1, 13));
  });

  void test('streams are told apart, and filtered', async (t) => {
    const log = new LogWriter(t);
    for (let number = 1; number <= 10; number += 1) log.line(String(number), number % 2 === 0 ? 'stderr' : 'stdout');
    assert.deepEqual(await texts(log.read({ stdout: true })), ['1', '3', '5', '7', '9']);
    assert.deepEqual(await texts(log.read({ stderr: true, tail: '2' })), ['8', '10']);
    assert.deepEqual(await texts(log.read({ stdout: true, stderr: true })), numbers(1, 10));
    assert.deepEqual(await texts(log.read({ stdout: false })), ['2', '4', '6', '8', '10']);
  });

  void test('since and until, both inclusive, in every notation', async (t) => {
    const log = new LogWriter(t);
    const times = numbers(1, 9).map((text) => log.line(text));
    assert.deepEqual(await texts(log.read({ since: times[3] ?? '', until: times[5] ?? '' })), ['4', '5', '6']);
    const seconds = String(Date.parse(times[6] ?? '') / 1000);
    assert.deepEqual(await texts(log.read({ since: seconds })), ['7', '8', '9']);
    assert.deepEqual(await texts(log.read({ until: seconds, tail: '2' })), ['6', '7']);
    assert.throws(
      () => log.read({ since: 'soon' }),
      (error) => error instanceof EngineError && error.code === 'invalid_field' && error.field === 'since',
    );
  });

  void test('a line in parts counts once', async (t) => {
    const log = new LogWriter(t);
    log.line('a');
    log.line('b1', 'stdout', 'P');
    log.line('b2', 'stdout', 'P');
    log.line('b3');
    log.line('c1', 'stdout', 'P');
    assert.deepEqual(await texts(log.read({ tail: '1' })), ['c1']);
    assert.deepEqual(await texts(log.read({ tail: '2' })), ['b1', 'b2', 'b3', 'c1']);
    const partial = (await all(log.read())).map((entry) => entry.partial);
    assert.deepEqual(partial, [false, true, true, false, true]);
  });

  void test('what is corrupt or torn is left out and counted', async (t) => {
    const log = new LogWriter(t);
    log.line('1');
    log.raw('nonsense\n\n');
    log.raw(Buffer.alloc(400_000, 'z'));
    log.raw('\n');
    log.line('2');
    log.raw(Buffer.from([0xff, 0xfe, 0x0a]));
    log.raw('2026-01-01T00:00:00.000000000Z stdout F to');
    const reading = log.read();
    assert.deepEqual(await texts(reading), ['1', '2']);
    assert.equal(reading.skipped, 5);
    assert.deepEqual(await texts(log.read({ tail: '1' })), ['2']);
  });

  void test('bytes that are no UTF-8 become U+FFFD', async (t) => {
    const log = new LogWriter(t);
    log.raw(Buffer.concat([Buffer.from('2026-01-01T00:00:00.000000000Z stdout F a'), Buffer.from([0xff, 0x62, 0x0a])]));
    assert.deepEqual(await texts(log.read()), ['a\ufffdb']);
  });

  void test('any records, in any files: reading and tail agree with the model', async (t) => {
    const piece = fc.record({
      stream: fc.constantFrom<Stream>('stdout', 'stderr'),
      size: fc.oneof({ weight: 5, arbitrary: fc.nat(40) }, fc.nat(40_000)),
      rotate: fc.nat(9).map((number) => number === 0),
      corrupt: fc.nat(9).map((number) => number === 0),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.nat(45), async (pieces, tail) => {
        const log = new LogWriter(t, 100);
        const written: LogEntry[] = [];
        for (const [index, { stream, size, rotate, corrupt }] of pieces.entries()) {
          if (rotate && log.size > 0) log.rotate();
          if (corrupt) log.raw('no record\n');
          const text = `${String(index)} ${'é'.repeat(size)}`;
          written.push({ at: log.line(text, stream), stream, text, partial: false });
        }
        assert.deepEqual(await all(log.read()), written);
        assert.deepEqual(await all(log.read({ tail: String(tail) })), tail === 0 ? [] : written.slice(-tail));
        const errors = written.filter(({ stream }) => stream === 'stderr');
        const wanted = tail === 0 ? [] : errors.slice(-tail);
        assert.deepEqual(await all(log.read({ stderr: true, tail: String(tail) })), wanted);
      }),
      { numRuns: 40 },
    );
  });

  void test('what the shim took back is not told twice', async (t) => {
    const log = new LogWriter(t);
    log.line('1');
    const whole = log.size;
    log.raw('2026-01-01T00:00:09.000000000Z stdout F half');
    const controller = new AbortController();
    const reading = iterate(log.read({ follow: true }, controller.signal));
    assert.equal((await reading.next()).value?.text, '1');
    const next = reading.next();
    truncateSync(log.path, whole);
    log.line('2');
    assert.equal((await next).value?.text, '2');
    log.end();
    assert.equal((await reading.next()).done, true);
  });
});
