/** JSON documents with a value in them that nobody expects there: a corpus for what reads documents of strangers. */
import fc from 'fast-check';

type Path = readonly (string | number)[];

/** Of every value in it, its own first. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...entries.flatMap(([key, below]: [string | number, unknown]) => pathsOf(below, [...path, key]))];
}

/** The text of `value` where what is at `path` is the text `odd`: JSON.stringify would put right what is to be wrong. */
function withText(value: unknown, [key, ...rest]: Path, odd: string): string {
  if (key === undefined) return odd;
  const below = (name: string | number, one: unknown): string =>
    name === key ? withText(one, rest, odd) : JSON.stringify(one);
  if (Array.isArray(value)) return `[${value.map((one, index) => below(index, one)).join(',')}]`;
  const entries = Object.entries(value as object).map(([name, one]) => `${JSON.stringify(name)}:${below(name, one)}`);
  return `{${entries.join(',')}}`;
}

const deep = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);

const ODD = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '0',
    '-1',
    '1.5',
    '1e400',
    '9007199254740993',
    '18446744073709551616',
    '[]',
    '{}',
    '""',
  ),
  fc.constantFrom(
    '[null]',
    '[[]]',
    '{"":null}',
    '{"__proto__":{"a":1}}',
    '{"constructor":{"prototype":1}}',
    '"\\u0000"',
  ),
  fc.constantFrom('"\\ud800"', '"../../etc"', '"/"', `"${'x'.repeat(100_000)}"`, `[${'1,'.repeat(50_000)}1]`, 'nul'),
  fc.constantFrom(deep('[', ']', 33), deep('{"a":', '}', 5000).replace('}', '1}'), deep('[', ']', 100_000)),
  fc.constantFrom(
    '"\\u001b[31mred\\r\\n"',
    '"0:0"',
    '"4294967296"',
    '"alice:nobody"',
    '["a","b"]',
    '{"80/tcp":{},"x/y":{}}',
  ),
  fc.json({ maxDepth: 3 }),
);

/** `document` with one value replaced, and sometimes one more, as text; not always JSON. */
export function oddDocument(document: object): fc.Arbitrary<string> {
  const paths = pathsOf(document);
  return fc
    .tuple(fc.constantFrom(...paths), ODD, fc.constantFrom('', '', '', '"__proto__":null,', '"extra":[{}],'))
    .map(([path, odd, more]) => withText(document, path, odd).replace(/^\{/, `{${more}`));
}
