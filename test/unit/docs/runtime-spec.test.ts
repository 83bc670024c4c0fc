/** docs/runtime-spec.md is held to the code: the properties that the checks know, the operations, and the tests. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPERATIONS } from '../../../daemon/runtime/plan/operations.ts';
import { propertiesOf } from '../../../daemon/runtime/spec/check.ts';
import { specCheck } from '../../../daemon/runtime/spec/validate.ts';

const top = join(import.meta.dirname, '../../..');
const PAGE = 'docs/runtime-spec.md';

interface Row {
  readonly properties: readonly string[];
  readonly operations: string;
  readonly test: string;
}

/** "a.{b,c}.{d,e}" → a.b.d, a.b.e, a.c.d, a.c.e */
function expand(pattern: string): string[] {
  const [, before = '', choices, after = ''] = /^(.*?)\{([^}]*)\}(.*)$/.exec(pattern) ?? [];
  if (choices === undefined) return [pattern];
  return choices.split(',').flatMap((choice) => expand(`${before}${choice}${after}`));
}

function named(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

/** The rows of all tables whose first column holds properties. */
const rows: readonly Row[] = readFileSync(join(top, PAGE), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [, properties = '', operations = '', shown = ''] = line.split(' | ').flatMap((cell) => cell.split(/^\| | \|$/));
    return { properties: named(properties).flatMap(expand), operations, test: shown };
  });

test('every property has a row, once, and every row is of properties that there are', () => {
  const described = rows.flatMap(({ properties }) => properties);
  assert.deepEqual([...described].sort(), propertiesOf(specCheck).sort());
});

test('every row names operations that exist, or says why there is none', () => {
  for (const { properties, operations } of rows) {
    const names = named(operations);
    assert.ok(names.length > 0 || operations.startsWith('none: '), `${String(properties[0])}: ${operations}`);
    for (const name of names) assert.ok(Object.hasOwn(OPERATIONS, name), `${name} is no operation`);
  }
});

test('every row names a test that exists', () => {
  for (const { properties, test: shown } of rows) {
    const [, file = '', name = ''] = /^`([^`]+)`: (.+)$/.exec(shown) ?? [];
    assert.ok(file !== '' && existsSync(join(top, file)), `${String(properties[0])}: ${shown}`);
    const source = readFileSync(join(top, file), 'utf8');
    assert.ok(source.includes(`test('${name}'`), `${file} has no test "${name}"`);
  }
});
