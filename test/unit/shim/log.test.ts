import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { STDIO, START_STDIN_OPEN } from '../../../daemon/shim/messages.ts';
import { Shim, eventually, makeDirectory, shell } from './shim.ts';

interface Line {
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)$/s;

function parse(text: string): Line[] {
  assert.ok(text === '' || text.endsWith('\n'));
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const match = LINE.exec(line);
      assert.ok(match, `not a line of the log: ${line.slice(0, 100)}`);
      assert.ok(Math.abs(Date.parse(match[1] ?? '') - Date.now()) < 3_600_000);
      return { stream: match[2] ?? '', tag: match[3] ?? '', text: match[4] ?? '' };
    });
}

/** What the program wrote to the stream. */
function join(lines: readonly Line[], stream = 'stdout'): string {
  return lines
    .filter((line) => line.stream === stream)
    .map(({ tag, text }) => (tag === 'F' ? `${text}\n` : text))
    .join('');
}

async function logged(shim: Shim, script: string, options: { max?: number; files?: number } = {}): Promise<void> {
  const client = await shim.client().subscribe();
  await client.started({
    stdio: STDIO.pipes,
    plan: shell(script),
    log: shim.path('log'),
    log_max_bytes: options.max ?? 0,
    log_max_files: options.files ?? 0,
  });
  await client.exited();
}

test('lines of both streams, empty ones, and what does not end in a newline', async (t) => {
  const shim = await Shim.run(t);
  await logged(shim, 'echo one; echo; echo two >&2; printf "no newline"');
  const lines = parse(readFileSync(shim.path('log'), 'utf8'));
  assert.equal(join(lines), 'one\n\nno newline');
  assert.equal(join(lines, 'stderr'), 'two\n');
  assert.equal(statSync(shim.path('log')).mode & 0o777, 0o600);
});

test('a long line comes in parts of at most 16 KiB, all but the last tagged P', async (t) => {
  const shim = await Shim.run(t);
  await logged(shim, `head -c 100000 /dev/zero | tr '\\0' x; echo; echo short`);
  const lines = parse(readFileSync(shim.path('log'), 'utf8'));
  assert.equal(join(lines), `${'x'.repeat(100_000)}\nshort\n`);
  assert.ok(lines.every(({ text }) => text.length <= 16 * 1024));
  assert.deepEqual(lines.slice(-1), [{ stream: 'stdout', tag: 'F', text: 'short' }]);
  assert.ok(lines.length >= 8 && lines.slice(0, -2).every(({ tag }) => tag === 'P'));
});

test('what is written without a newline is in the log at once', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  await client.started({
    stdio: STDIO.pipes,
    flags: START_STDIN_OPEN,
    plan: shell('printf "name? "; read name; echo "hello $name"'),
    log: shim.path('log'),
  });
  await eventually('the prompt', () => readFileSync(shim.path('log'), 'utf8').endsWith('stdout P name? \n'));
  const attached = shim.client();
  await attached.attach();
  attached.stdin('tare\n');
  await client.exited();
  assert.equal(join(parse(readFileSync(shim.path('log'), 'utf8'))), 'name? hello tare\n');
});

test('rotation keeps so many files of at most so many bytes, the newest lines, none torn', async (t) => {
  const shim = await Shim.run(t);
  const max = 50_000;
  await logged(shim, 'seq 1 20000', { max, files: 3 });
  const names = readdirSync(shim.directory)
    .filter((name) => name.startsWith('log'))
    .sort();
  assert.deepEqual(names, ['log', 'log.1', 'log.2']);
  for (const name of names) assert.ok(statSync(shim.path(name)).size <= max);
  const text = ['log.2', 'log.1', 'log'].map((name) => readFileSync(shim.path(name), 'utf8')).join('');
  const numbers = join(parse(text)).trim().split('\n').map(Number);
  assert.equal(numbers.at(-1), 20_000);
  const first = numbers[0] ?? 0;
  assert.ok(first > 1);
  assert.deepEqual(
    numbers,
    Array.from({ length: 20_000 - first + 1 }, (_, i) => first + i),
  );
});

test('rotation with all files kept loses nothing, also across reads', async (t) => {
  const shim = await Shim.run(t);
  await logged(shim, 'seq 1 30000', { max: 40_000, files: 1000 });
  const names = readdirSync(shim.directory).filter((name) => /^log(\.\d+)?$/.test(name));
  const number = (name: string): number => Number(name.split('.')[1] ?? 0);
  names.sort((a, b) => number(b) - number(a));
  assert.ok(names.length > 20);
  const text = names.map((name) => readFileSync(shim.path(name), 'utf8')).join('');
  assert.equal(join(parse(text)), Array.from({ length: 30_000 }, (_, i) => `${String(i + 1)}\n`).join(''));
});

test('one file only: it begins anew', async (t) => {
  const shim = await Shim.run(t);
  await logged(shim, 'seq 1 5000', { max: 20_000, files: 1 });
  assert.deepEqual(
    readdirSync(shim.directory).filter((name) => name.startsWith('log')),
    ['log'],
  );
  assert.ok(statSync(shim.path('log')).size <= 20_000);
  assert.ok(readFileSync(shim.path('log'), 'utf8').endsWith(' F 5000\n'));
});

test('a log that is there is continued, and rotated by its whole size', async (t) => {
  const shim = await Shim.run(t);
  writeFileSync(shim.path('log'), `${'x'.repeat(999)}\n`);
  await logged(shim, 'echo first; seq 1 30', { max: 1100, files: 2 });
  assert.ok(readFileSync(shim.path('log.1'), 'utf8').includes('F 1\n') || existsSync(shim.path('log.1')));
  assert.ok(readFileSync(shim.path('log'), 'utf8').endsWith(' F 30\n'));
});

test('a full disk stops no container, and leaves no half line; the exit is told', async (t) => {
  // The shim's own mount namespace has the small disk; it goes with the shim.
  const prefix = [
    'unshare',
    '-m',
    'sh',
    '-c',
    'mount -t tmpfs -o size=64k tmpfs "$(dirname "$3")/disk" && exec "$@"',
    'sh',
  ];
  const directory = makeDirectory();
  mkdirSync(`${directory}/disk`);
  const shim = await Shim.run(t, { prefix, directory });
  const client = await shim.client().subscribe();
  const attached = shim.client();
  await attached.attach();
  const seen = (name: string): string => `/proc/${String(shim.pid)}/root${shim.path(`disk/${name}`)}`;
  await client.started({
    stdio: STDIO.pipes,
    plan: shell('seq 1 20000; exit 11'),
    log: shim.path('disk/log'),
    record: shim.path('disk/exit.json'),
  });
  assert.equal((await client.exited()).code, 11);
  await attached.detached();
  assert.equal(attached.text().trim().split('\n').length, 20_000);
  const lines = parse(readFileSync(seen('log'), 'utf8'));
  assert.ok(lines.length > 100 && lines.length < 20_000);
  for (const name of readdirSync(seen('.'))) assert.ok(name === 'log' || name === 'exit.json', name);
});
