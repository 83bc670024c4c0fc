/** What the sources of a COPY select in a directory of the test's own. */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { selected } from '../../../daemon/engine/build/copy/select.ts';
import { FileError } from '../../../daemon/images/pack/file-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'tare-select-'));
const top = openSync(folder, 'r');
after(() => {
  closeSync(top);
  rmSync(folder, { recursive: true });
});
mkdirSync(join(folder, 'src/deep'), { recursive: true });
for (const name of ['a.txt', 'b.txt', 'src/c.txt', 'src/deep/d.txt', 'src/[x].txt']) writeFileSync(join(folder, name), name);
symlinkSync('/a.txt', join(folder, 'absolute'));
symlinkSync('src', join(folder, 'inside'));
symlinkSync('../../../etc/passwd', join(folder, 'outside'));

const paths = (...given: string[]): string[] => [...selected(top, given, ['b.txt'])].map(({ path }) => path);

test('paths and wildcards, in order; what is hidden is not there', () => {
  assert.deepEqual(paths('*.txt'), ['a.txt']);
  assert.deepEqual(paths('src/*.txt', 'a.txt'), ['src/[x].txt', 'src/c.txt', 'a.txt']);
  assert.deepEqual(paths('s*/d*/*'), ['src/deep/d.txt']);
  assert.deepEqual(paths('./src/', '/src/deep', '.'), ['src', 'src/deep', '']);
  assert.deepEqual(paths('src/[x].txt'), []);
  assert.deepEqual(paths('src/[[]x].txt'), ['src/[x].txt']);
  assert.deepEqual(paths('nothing*'), []);
});

test('links are followed inside the root, and wildcards follow none', () => {
  const [link] = selected(top, ['absolute'], []);
  assert.equal(link?.status.isFile(), true);
  assert.deepEqual(paths('inside/c.txt'), ['inside/c.txt']);
  assert.deepEqual(paths('in*/c.txt'), []);
  assert.throws(() => paths('outside'), FileError);
});

test('what is not there, or outside, is refused', () => {
  for (const given of ['nope', 'a.txt/b', 'b.txt', '..', '../x', 'src/../../x', 'x'.repeat(300)]) {
    assert.throws(() => paths(given), FileError, given);
  }
  assert.deepEqual(paths('/../a.txt'), ['a.txt']);
});
