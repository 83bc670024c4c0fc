import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { RemovedFiles, removeFiles } from '../../../daemon/engine/removed-files.ts';
import { Trees } from '../../../daemon/engine/trees.ts';

const unheard = (): void => undefined;
const TREES = new Trees({ info: unheard, warn: unheard, error: unheard });
after(() => TREES.close());

/** As the end of a container that wrote nothing leaves it. */
function container(t: TestContext): { folder: string; directory: string; write: (path: string) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'tare-removed-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const directory = join(folder, 'c');
  for (const path of ['etc', 'upper/etc', 'work/work']) mkdirSync(join(directory, path), { recursive: true });
  const write = (path: string): void => writeFileSync(join(directory, path), path);
  for (const path of ['log', 'exit.json', 'etc/hosts', 'etc/resolv.conf', 'upper/etc/hosts']) write(path);
  return { folder, directory, write };
}

const files = (): RemovedFiles =>
  new RemovedFiles(TREES, (directory, error) => assert.fail(`${directory}: ${String(error)}`));

test('where the container wrote nothing its directory has no name any more at once, and soon is gone', async (t) => {
  const { folder, directory } = container(t);
  const removed = files();
  const removal = removed.remove(directory);
  assert.deepEqual(readdirSync(folder), ['c.removed']);
  await removal;
  await removed.settled();
  assert.deepEqual(readdirSync(folder), []);
});

test('what the container wrote is gone when the removal is over', async (t) => {
  const { folder, directory, write } = container(t);
  write('upper/file');
  await files().remove(directory);
  assert.deepEqual(readdirSync(folder), []);
});

test('further entries in known directories are found', async (t) => {
  for (const path of ['upper/etc/passwd', 'log.1', join('work', 'work', 'x'), 'etc/x']) {
    const { folder, directory, write } = container(t);
    write(path);
    await removeFiles(TREES, directory);
    assert.deepEqual(readdirSync(folder), [], path);
  }
});

test('a link in place of a directory is not followed', async (t) => {
  for (const name of ['upper/etc', 'etc']) {
    const { folder, directory } = container(t);
    const host = join(folder, 'host');
    mkdirSync(join(host, 'etc'), { recursive: true });
    for (const path of ['hosts', 'etc/hosts']) writeFileSync(join(host, path), 'of the host');
    rmSync(join(directory, name), { recursive: true });
    symlinkSync(host, join(directory, name));
    await removeFiles(TREES, directory);
    assert.ok(!existsSync(`${directory}.removed`), name);
    for (const path of ['hosts', 'etc/hosts'])
      assert.equal(readFileSync(join(host, path), 'utf8'), 'of the host', name);
  }
});

test('a directory that is not there is as good as removed, and one that was left half deleted is taken up', async (t) => {
  const { folder, directory } = container(t);
  await files().remove(join(folder, 'absent'));
  await removeFiles(TREES, directory);
  mkdirSync(`${directory}.removed/upper`, { recursive: true });
  await removeFiles(TREES, `${directory}.removed`);
  assert.deepEqual(readdirSync(folder), []);
});
