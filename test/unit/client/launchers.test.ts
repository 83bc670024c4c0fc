import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'node:test';

const BIN = fileURLToPath(new URL('../../../bin', import.meta.url));

describe('launchers', () => {
  /** A package of its own, so that nothing built elsewhere matters. */
  let home: string;
  const script = (path: string, text: string): void => {
    const whole = join(home, path);
    mkdirSync(join(whole, '..'), { recursive: true });
    writeFileSync(whole, `#!/bin/sh\n${text}\n`);
    chmodSync(whole, 0o755);
  };
  const launch = (path: string, { words = [] as string[], path: search = '/usr/bin:/bin', cwd = '/' } = {}) => {
    const { status, stdout, stderr } = spawnSync(path, words, { encoding: 'utf8', cwd, env: { PATH: search } });
    return { status, stdout, stderr };
  };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'tare-launch-'));
    mkdirSync(join(home, 'bin'));
    for (const name of ['tare', 'tared', 'tare-oci']) copyFileSync(join(BIN, name), join(home, 'bin', name));
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  const node = 'node_modules/node/bin/node';
  const echo = 'for word; do echo "$word"; done';

  it('run the source until a bundle is built, and pass on every argument', () => {
    script(node, echo);
    const words = ['run', '', 'a b', '*'];
    const source = launch(join(home, 'bin/tare'), { words });
    assert.deepEqual(source, { status: 0, stdout: `${home}/bin/../client/main.ts\nrun\n\na b\n*\n`, stderr: '' });
    mkdirSync(join(home, 'dist'));
    writeFileSync(join(home, 'dist/tare.cjs'), '');
    assert.equal(launch(join(home, 'bin/tare')).stdout, `${home}/bin/../dist/tare.cjs\n`);
    // The daemon's program comes after Node's own flags.
    const daemon = () => launch(join(home, 'bin/tared')).stdout.trim().split('\n').at(-1);
    assert.equal(daemon(), `${home}/bin/../daemon/main.ts`);
    writeFileSync(join(home, 'dist/tared.mjs'), '');
    assert.equal(daemon(), `${home}/bin/../dist/tared.mjs`);
  });

  it('work through symlinks, absolute and relative, and from any directory', () => {
    script(node, 'echo found');
    mkdirSync(join(home, 'links'));
    symlinkSync(join(home, 'bin/tare'), join(home, 'links/absolute'));
    symlinkSync('absolute', join(home, 'links/again'));
    symlinkSync('../bin/tare', join(home, 'links/relative'));
    for (const name of ['absolute', 'again', 'relative']) {
      assert.equal(launch(join(home, 'links', name)).stdout, 'found\n', name);
    }
    assert.equal(launch('./relative', { cwd: join(home, 'links') }).stdout, 'found\n');
    assert.equal(launch('tare', { path: `${join(home, 'bin')}:/usr/bin:/bin` }).stdout, 'found\n');
  });

  it("take the system's node where it is new enough, and say so where it is not", () => {
    const version = (text: string): void => {
      script('system/node', `if [ "$1" = --version ]; then echo ${text}; else echo system; fi`);
    };
    const path = `${join(home, 'system')}:/usr/bin:/bin`;
    version('v24.1.0');
    assert.equal(launch(join(home, 'bin/tare'), { path }).stdout, 'system\n');
    version('v20.19.0');
    const old = launch(join(home, 'bin/tare'), { path });
    assert.equal(old.status, 125);
    assert.match(old.stderr, /^tare: Node 24 or newer is needed: .*\n$/);
    assert.match(launch(join(home, 'bin/tared'), { path }).stderr, /^tared: Node 24/);
  });

  it('run tare-oci, the bundle before the source, and end with 1 where nothing can run it', () => {
    script(node, echo);
    const words = ['--root', '/a b', 'state', 'x'];
    const source = launch(join(home, 'bin/tare-oci'), { words });
    assert.deepEqual(source, {
      status: 0,
      stdout: `${home}/bin/../oci/main.ts\n--root\n/a b\nstate\nx\n`,
      stderr: '',
    });
    mkdirSync(join(home, 'dist'));
    writeFileSync(join(home, 'dist/tare-oci.cjs'), '');
    assert.equal(launch(join(home, 'bin/tare-oci')).stdout, `--jitless\n${home}/bin/../dist/tare-oci.cjs\n`);
    rmSync(join(home, 'node_modules'), { recursive: true });
    script('system/node', 'echo v20.19.0');
    const old = launch(join(home, 'bin/tare-oci'), { path: `${join(home, 'system')}:/usr/bin:/bin` });
    assert.equal(old.status, 1);
    assert.match(old.stderr, /^tare-oci: Node 24 or newer is needed: .*\n$/);
  });
});
