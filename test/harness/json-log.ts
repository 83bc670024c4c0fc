/** Logs in docker's json-file, as tests look at them. */
import assert from 'node:assert/strict';

/** The time of a line, as Go's time.RFC3339Nano has it: no zeros at its end. */
export const TIME = /"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,8}[1-9]|\.[1-9])?Z)"\}$/;

/** Lines without their times, of which each is a time of this hour. */
export function timeless(text: string): string[] {
  assert.ok(text.endsWith('\n'));
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const time = TIME.exec(line)?.[1];
      assert.ok(time !== undefined && Math.abs(Date.parse(time) - Date.now()) < 3_600_000, line.slice(-100));
      return line.replace(TIME, '"time":""}');
    });
}

export function record(log: string, stream = 'stdout'): string {
  return `{"log":"${log}","stream":"${stream}","time":""}`;
}

const bytes = [...Array(0x21).keys()].slice(1).filter((code) => code !== 0x0a);
const octal = (code: number): string => `\\${code.toString(8).padStart(3, '0')}`;
/** Arguments of printf, and what docker's json-file has of them. */
export const ESCAPES: readonly (readonly [input: string, output: string])[] = [
  [
    bytes.map(octal).join(''),
    bytes
      .map((code) => (code === 0x0d ? '\\r' : code === 0x20 ? ' ' : `\\u00${code.toString(16).padStart(2, '0')}`))
      .join(''),
  ],
  ['\\042\\134/<>&\\177', '\\"\\\\/\\u003c\\u003e\\u0026\x7f'],
  ['é€😀', 'é€😀'],
  // U+2028, U+2029 and their neighbours
  ['\\342\\200\\247\\342\\200\\250\\342\\200\\251\\342\\200\\252', '\u2027\\u2028\\u2029\u202a'],
  // alone, cut short, too long, a surrogate, beyond the last
  ['\\200a\\303a\\342\\202a', '\\ufffda\\ufffda\\ufffd\\ufffda'],
  ['\\300\\257\\340\\200\\257', '\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd'],
  ['\\355\\240\\200\\355\\237\\277', '\\ufffd\\ufffd\\ufffd\ud7ff'],
  ['\\364\\220\\200\\200\\364\\217\\277\\277\\365', '\\ufffd\\ufffd\\ufffd\\ufffd\u{10ffff}\\ufffd'],
  ['\\360\\237\\230', '\\ufffd\\ufffd\\ufffd'],
];

export const ESCAPES_SCRIPT = ESCAPES.map(([input]) => `printf '${input}\\n'`).join('; ');
