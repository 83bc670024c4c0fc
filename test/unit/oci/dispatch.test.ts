import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Command, Context } from '../../../oci/command.ts';
import { dispatch } from '../../../oci/dispatch.ts';
import { OciError } from '../../../oci/errors.ts';
import { createRuntime } from '../../../oci/runtime.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-oci-dispatch-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the words with commands of the test's own, `--log` in its folder unless they say otherwise. */
async function call(words: readonly string[], run: Command['run'] = () => 0) {
  const command: Command = {
    name: 'try',
    usage: '[OPTIONS] CONTAINER',
    summary: 'Try something',
    flags: [
      { name: 'force', short: 'f', type: 'boolean', summary: 'in any case' },
      { name: 'old', type: 'boolean', summary: '', ignored: 'it is old' },
    ],
    operands: { min: 1, max: 1 },
    interspersed: true,
    run,
  };
  const entries = [{ name: 'try', summary: command.summary, load: () => Promise.resolve(command) }];
  const printed: string[] = [];
  const log = join(folder, 'log');
  const code = await dispatch(['--log', log, '--log-format', 'json', ...words], entries, {
    environment: {},
    runtime: createRuntime({ shim: { program: '/nowhere' } }),
    print: (text) => printed.push(text),
  });
  const records = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { level: string; msg: string; time: string });
  return { code, printed: printed.join(''), records, errors: records.filter(({ level }) => level === 'error') };
}

describe('dispatch', () => {
  it('gives a command its flags and what stands before it', async () => {
    let seen: Context | undefined;
    const { code, errors } = await call(['--root', 'a/b', 'try', 'id', '-f'], (input, context) => {
      seen = context;
      assert.deepEqual(input.operands, ['id']);
      assert.ok(input.boolean('force'));
      return 7;
    });
    assert.equal(code, 7);
    assert.deepEqual(errors, []);
    assert.equal(seen?.root, join(process.cwd(), 'a/b'));
    let root = '';
    await call(['try', 'id'], (_, context) => {
      root = context.root;
      return 0;
    });
    assert.equal(root, '/run/tare-oci');
  });

  it('writes one error record that Podman and containerd can read, in a file for root alone', async () => {
    const { code, records } = await call(['try', 'id'], () => {
      throw new OciError('first\nsecond "x"', { exitCode: 3, hint: 'try again' });
    });
    assert.equal(code, 3);
    assert.equal(records.length, 1);
    assert.equal(records[0]?.level, 'error');
    assert.equal(records[0].msg, 'first\nsecond "x" (try again)');
    assert.match(records[0].time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(statSync(join(folder, 'log')).mode & 0o777, 0o600);
  });

  it('appends, and tells causes with --debug, the error last', async () => {
    await call(['try', 'id'], () => {
      throw new Error('one');
    });
    const { code, records } = await call(['--debug', 'try', 'id'], () => {
      throw new Error('two', { cause: new Error('why') });
    });
    assert.equal(code, 1);
    assert.deepEqual(
      records.map(({ level, msg }) => `${level} ${msg.split('\n')[0] ?? ''}`),
      ['error one', 'debug Error: two', 'debug Error: why', 'error two'],
    );
  });

  it('prints help wherever it is asked for, and the version', async () => {
    assert.match((await call([])).printed, /^Usage: {2}tare-oci \[OPTIONS\] COMMAND\n/);
    assert.match((await call(['--help'])).printed, /\n {2}try {2}Try something\n/);
    for (const words of [
      ['try', '--help'],
      ['try', '-h'],
      ['help', 'try'],
    ]) {
      assert.match((await call(words)).printed, /^Usage: {2}tare-oci try \[OPTIONS\] CONTAINER\n\nTry something\n/);
    }
    assert.doesNotMatch((await call(['try', '--help'])).printed, /--old/);
    assert.match((await call(['-v'])).printed, /^tare-oci version \d+\.\d+\.\d+\nspec: 1\.3\.0\nnode: /);
  });

  it('refuses what it does not know, with what to do', async () => {
    const refusals: [words: string[], message: string][] = [
      [['tyr'], '"tyr" is not a command (tare-oci --help lists the commands)'],
      [['try'], 'try takes 1 argument, not 0 (usage: tare-oci try [OPTIONS] CONTAINER)'],
      [['try', 'a', '--loud'], 'try: unknown flag --loud (see tare-oci try --help)'],
      [['try', 'a', '--root', '/x'], 'try: unknown flag --root (it stands before the command: tare-oci --root … try)'],
      [
        ['--systemd-cgroup', 'try', 'a'],
        '--systemd-cgroup is not supported: control groups are made in the file system, not by systemd',
      ],
      [['checkpoint', '--image-path', '/x', 'a'], 'checkpoint is not supported: tare-oci takes no checkpoints'],
      [['restore', 'a'], 'restore is not supported: tare-oci takes no checkpoints, so it restores none'],
    ];
    for (const [words, message] of refusals) {
      rmSync(join(folder, 'log'), { force: true });
      const { code, errors } = await call(words);
      assert.equal(code, 1, words.join(' '));
      assert.deepEqual(
        errors.map(({ msg }) => msg),
        [message],
      );
    }
  });

  it('takes --rootless and --systemd-cgroup=false, and warns of what it ignores', async () => {
    for (const word of ['true', 'false', 'auto']) assert.equal((await call(['--rootless', word, 'try', 'a'])).code, 0);
    const { code, records } = await call(['--systemd-cgroup=false', 'try', 'a', '--old']);
    assert.equal(code, 0);
    assert.deepEqual(
      records.map(({ level, msg }) => [level, msg]),
      [['warning', '--old is ignored: it is old']],
    );
  });
});
