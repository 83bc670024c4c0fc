/**
 * The pages that describe the code name real things: every `path` in backticks exists, and every `name()` in
 * backticks is defined in the file named last before it.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const top = join(import.meta.dirname, '../../..');

for (const page of ['docs/flow.md', 'README.md']) {
  test(`${page} names what exists`, () => {
    let file: string | undefined;
    let checked = 0;
    for (const [, name = ''] of readFileSync(join(top, page), 'utf8').matchAll(/`([^`\n]+)`/g)) {
      if (/^(daemon|client|oci|shared|native-bindings|migrations|scripts|test|docs|bin)\/[\w./-]*$/.test(name)) {
        assert.ok(existsSync(join(top, name)), `${page} names ${name}, which does not exist`);
        file = name;
        checked++;
      } else if (/^\w+\(\)$/.test(name)) {
        assert.ok(file !== undefined, `${page}: ${name} stands before any file`);
        const source = readFileSync(join(top, file), 'utf8');
        assert.match(source, new RegExp(`\\b${name.slice(0, -2)}\\b`), `${page}: ${name} is not in ${file}`);
        checked++;
      }
    }
    assert.ok(checked > 5);
  });
}
