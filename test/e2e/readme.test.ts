/** The README's lines are executed as they stand there, in order, against a daemon of the test's own. */
import assert from 'node:assert/strict';
import { existsSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon, run } from '../harness/daemon.ts';
import { blocksOf } from '../harness/pages.ts';

const top = join(import.meta.dirname, '../..');

/** Where tare-oci keeps states when nothing is said, as in the README. It stays when the last container has gone. */
const OCI_ROOT = '/run/tare-oci';
const hadOciRoot = existsSync(OCI_ROOT);

/** Unless somebody else has a container there by now. */
function removeOciRoot(): void {
  try {
    rmdirSync(OCI_ROOT);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(async () => {
  await daemon.close();
  if (!hadOciRoot) removeOciRoot();
});

const outputs = new Map<string, string>();

const EXPECTED: Record<string, RegExp[]> = {
  'At the shell': [/^hello$/m, /web/, /stopped .*137|stopped/],
  'With curl': [/"name":"greeter"/, /hello from curl/, /12XB/],
  'Without a daemon': [/^hello from a bundle$/m, /^waiting +\d+ +created /m],
};

test('README.md has blocks to test', () => {
  assert.ok(blocksOf('README.md', 'sh').length >= 3);
});

for (const [index, { heading, text }] of blocksOf('README.md', 'sh').entries()) {
  test(`README.md, ${heading}, block ${index + 1}`, async () => {
    const result = await run('bash', ['-euo', 'pipefail', '-c', text], {
      env: {
        PATH: `${join(top, 'bin')}:${process.env.PATH ?? ''}`,
        TARE_HOST: `unix://${daemon.socket}`,
        TARE_SOCKET: daemon.socket,
      },
    });
    assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
    outputs.set(heading, (outputs.get(heading) ?? '') + result.stdout);
  });
}

test('what the README’s lines printed is what they promise', async () => {
  for (const [heading, patterns] of Object.entries(EXPECTED)) {
    for (const pattern of patterns) assert.match(outputs.get(heading) ?? '', pattern, heading);
  }
  assert.deepEqual(
    await daemon.client.must('GET', '/v1/containers?all=true'),
    [],
    'what the README started, it removed',
  );
});
