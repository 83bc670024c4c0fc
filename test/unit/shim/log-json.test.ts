/** The log as docker's json-file; test/clients/docker.test.ts holds the same against dockerd's own. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { ATTACH_FOLLOWS_LOG, START_LOG_JSON, START_STDIN_OPEN, STDIO } from '../../../daemon/shim/messages.ts';
import { ESCAPES, ESCAPES_SCRIPT, TIME, record, timeless } from '../../harness/json-log.ts';
import { Shim, eventually, shell, type Client } from './shim.ts';

interface Logged {
  readonly shim: Shim;
  /** Attached to all its streams before it was started. */
  readonly attached: Client;
  readonly text: () => string;
  readonly ended: () => Promise<void>;
}

async function logged(
  t: TestContext,
  script: string,
  fields: { log_max_bytes?: number; log_max_files?: number } = {},
): Promise<Logged> {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const attached = shim.client();
  await attached.attach();
  const log = shim.path('0a-json.log');
  const flags = START_LOG_JSON | START_STDIN_OPEN;
  await client.started({ stdio: STDIO.pipes, flags, plan: shell(script), log, ...fields });
  const ended = async (): Promise<void> => {
    await client.exited();
  };
  return { shim, attached, ended, text: () => readFileSync(log, 'utf8') };
}

test('lines of both streams, empty ones, and what does not end in a newline', async (t) => {
  const { text, ended } = await logged(t, 'echo one; echo; echo two >&2; printf "no newline"');
  await ended();
  const lines = timeless(text());
  const ofStdout = lines.filter((line) => line.includes('"stream":"stdout"'));
  assert.deepEqual(ofStdout, [record('one\\n'), record('\\n'), record('no newline')]);
  assert.deepEqual(
    lines.filter((line) => !ofStdout.includes(line)),
    [record('two\\n', 'stderr')],
  );
});

test('characters are escaped, and what is not UTF-8 replaced, byte for byte', async (t) => {
  const { text, ended } = await logged(t, ESCAPES_SCRIPT);
  await ended();
  assert.deepEqual(
    timeless(text()),
    ESCAPES.map(([, output]) => record(`${output}\\n`)),
  );
});

test('a long line is pieces of 16 KiB with one time, wherever reads cut it', async (t) => {
  const size = 16 * 1024;
  const x = (count: number): string => `head -c ${String(count)} /dev/zero | tr '\\0' x`;
  // each waits until what it wrote was read
  const pause = (mark: string): string => `printf ${mark}; read line`;
  const script = [
    ...[size - 1, size, size + 1, 3 * size + 5].map((count, at) => `${x(count - 1)}; ${pause('abcd'[at] ?? '')}; echo`),
    `${pause('ef')}; ${pause('gh')}; ${x(size)}; printf 'é'`,
  ].join('; ');
  const { attached, text, ended } = await logged(t, script);
  for (const mark of ['a', 'b', 'c', 'd', 'ef', 'gh']) {
    await attached.sees(mark);
    attached.stdin('\n');
  }
  await ended();
  const xs = (count: number): string => 'x'.repeat(count);
  const texts = [
    [`${xs(size - 2)}a\\n`],
    [`${xs(size - 1)}b`, '\\n'],
    [xs(size), 'c\\n'],
    [xs(size), xs(size), xs(size), 'xxxxd\\n'],
    [`efgh${xs(size - 4)}`, 'xxxxé'],
  ];
  assert.deepEqual(
    timeless(text()),
    texts.flat().map((each) => record(each)),
  );
  const times = text()
    .split('\n')
    .map((line) => TIME.exec(line)?.[1]);
  assert.equal(new Set(times.slice(5, 9)).size, 1);
});

test('the worst that a line can become fits', async (t) => {
  const { text, ended } = await logged(t, 'head -c 40000 /dev/zero');
  await ended();
  const zeros = (count: number): string => record('\\u0000'.repeat(count));
  assert.deepEqual(timeless(text()), [zeros(16384), zeros(16384), zeros(40000 - 2 * 16384)]);
});

test('a file is rotated once it has so many bytes, as dockerd does it', async (t) => {
  const max = 20_000;
  const fields = { log_max_bytes: max, log_max_files: 3 };
  const { shim, ended } = await logged(t, 'seq 1 5000', fields);
  await ended();
  const names = ['0a-json.log.2', '0a-json.log.1', '0a-json.log'];
  assert.deepEqual(
    readdirSync(shim.directory)
      .filter((name) => name.startsWith('0a'))
      .sort(),
    [...names].reverse(),
  );
  for (const name of names.slice(0, 2)) {
    const { size } = statSync(shim.path(name));
    assert.ok(size >= max && size < max + 100, String(size));
  }
  const numbers = names
    .flatMap((name) => timeless(readFileSync(shim.path(name), 'utf8')))
    .map((line) => Number(/"log":"(\d+)\\n"/.exec(line)?.[1]));
  const first = numbers[0] ?? 0;
  assert.ok(first > 1);
  assert.deepEqual(
    numbers,
    Array.from({ length: 5000 - first + 1 }, (_, index) => first + index),
  );
});

test('the beginning of a line waits for its end, but not while somebody follows the log', async (t) => {
  const script = 'printf "a? "; read a; printf "b? "; read b; echo "$a$b"; printf "c? "; read c';
  const { shim, attached, text, ended } = await logged(t, script);
  await attached.sees('a? ');
  assert.equal(text(), '');
  const follower = shim.client();
  await follower.attach('', 0, ATTACH_FOLLOWS_LOG);
  await eventually('the first question', () => text().includes('"a? "'));
  attached.stdin('1\n');
  await eventually('the second', () => text().includes('"b? "'));
  attached.stdin('2\n3\n');
  await ended();
  assert.deepEqual(timeless(text()).slice(0, 2), [record('a? '), record('b? ')]);
  assert.equal(
    timeless(text())
      .map((line) => /"log":"(.*)","stream/.exec(line)?.[1])
      .join(''),
    'a? b? 12\\nc? ',
  );
});
