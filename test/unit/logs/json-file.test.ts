/** Records of docker's json-file; and all that is read of a log, read of one in that format. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseRecord } from '../../../daemon/engine/logs/record.ts';
import { formatTime } from '../../../shared/time.ts';
import { FORMAT } from './writer.ts';

FORMAT.is = 'json-file';
await import('./read.test.ts');
await import('./follow.test.ts');

const TIME = '2026-01-01T00:00:00.5Z';
const AT = '2026-01-01T00:00:00.500000000Z';

function record(log: string, more = ''): string {
  return `{"log":"${log}","stream":"stdout","time":"${TIME}"${more}}`;
}

void describe('a record of a json-file', () => {
  void test('is read as it was written, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 253_402_300_799_999_999_999n }),
        fc.constantFrom('stdout' as const, 'stderr' as const),
        fc.boolean(),
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('\n')),
        (ns, stream, partial, text) => {
          const at = formatTime(ns);
          const time = at.replace(/0+Z$/, 'Z').replace('.Z', 'Z');
          const line = JSON.stringify({ log: partial ? text : `${text}\n`, stream, time });
          assert.deepEqual(parseRecord(line), { at, stream, text, partial });
        },
      ),
    );
  });

  void test('its bytes are those that the program wrote, but for what was not UTF-8', () => {
    const line = Buffer.from(record('é€😀\\u2028\\ufffd\\u0000\\u003c\\r\\n')).toString('latin1');
    const entry = parseRecord(line, 'latin1');
    assert.equal(Buffer.from(entry?.text ?? '', 'latin1').toString(), 'é€😀\u2028\ufffd\0<\r');
    assert.deepEqual([entry?.at, entry?.partial], [AT, false]);
  });

  void test('anything else is none, and never throws; properties of other writers are passed over', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.json(), (text, json) => {
        parseRecord(`{${text}`);
        parseRecord(json);
      }),
    );
    const whole = record('some text');
    for (let size = 0; size < whole.length; size += 1) assert.equal(parseRecord(whole.slice(0, size)), undefined);
    for (const line of [
      '{}',
      '{"log":1,"stream":"stdout","time":"2026-01-01T00:00:00Z"}',
      '{"log":"x","stream":"stdin","time":"2026-01-01T00:00:00Z"}',
      '{"log":"x","stream":"stdout","time":"now"}',
      '{"log":"x","stream":"stdout"}',
      `${whole}${whole}`,
    ])
      assert.equal(parseRecord(line), undefined, line);
    assert.deepEqual(parseRecord(record('x\\n', ',"attrs":{"tag":"y"}')), {
      at: AT,
      stream: 'stdout',
      text: 'x',
      partial: false,
    });
  });
});
