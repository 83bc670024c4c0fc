/** `tare run` of an image that is not here: a bar for each layer at a terminal, and a message of its own for each refusal. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon, run, type Finished } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { makeImage, publish } from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { tar } from '../harness/tar.ts';
import { Terminal } from '../harness/terminal.ts';

const TARE = join(import.meta.dirname, '../../bin/tare');
/** Of a layer that cannot be compressed. */
const SIZE = 3_000_000;
const IMAGE = makeImage({ layers: [busyboxLayer(), tar({ name: 'big', data: randomBytes(SIZE) })] });
const BIG = IMAGE.layerDescriptors[1]?.digest ?? '';
const SHORT = BIG.slice(7, 19);

let daemon: TestDaemon;
let registry: TestRegistry;
let locked: TestRegistry;
before(async () => {
  daemon = await TestDaemon.open();
  registry = await TestRegistry.open();
  locked = await TestRegistry.open({ auth: { kind: 'token', users: { me: 'secret' } } });
  publish(registry, 'app', '1', IMAGE);
  publish(registry, 'other', '1', makeImage({ document: { architecture: 's390x' } }));
  publish(locked, 'private', '1', makeImage());
});
after(async () => {
  await daemon.close();
  await registry[Symbol.asyncDispose]();
  await locked[Symbol.asyncDispose]();
});

const environment = (): Record<string, string> => ({
  TARE_HOST: `unix://${daemon.socket}`,
  DOCKER_CONFIG: join(daemon.folder, 'docker'),
});

const tare = (...words: string[]): Promise<Finished> => run(TARE, words, { env: environment() });

/** A terminal with a shell whose prompt is "host> ". */
async function atTerminal(use: (terminal: Terminal) => Promise<void>): Promise<void> {
  const terminal = new Terminal(daemon.folder, { columns: 100, rows: 20 }, environment());
  try {
    await terminal.shows(/bash-[\d.]+[#$] $/m);
    // bash does not take its prompt from the environment; typed in two halves so that the typing is not taken for it.
    terminal.line("PS1='ho''st> '; clear");
    await terminal.shows(/^host> $/m);
    await use(terminal);
  } finally {
    await terminal.close();
  }
}

test('each refusal has its own message, and exit code 125', async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['Bad//Name'], /^tare: "Bad\/\/Name" is not the name of an image: /m],
    [[`${registry.host}/app:absent`], /^tare: .*\/app:?.*absent.*$/m],
    [[`${registry.host}/nothing:1`], /^tare: .*nothing.*$/m],
    [[`${registry.host}/other:1`], /^tare: .*other:1 is for linux\/s390x, not for linux\//m],
    [
      ['--platform', 'linux/riscv64', `${registry.host}/app:1`],
      /^tare: .*app:1 is for linux\/\w+, not for linux\/riscv64/m,
    ],
    [[`${locked.host}/private:1`], /^tare: .*wants credentials.*\nhint: log in with "tare login 127/m],
    [['--pull', 'never', `${registry.host}/app:1`], /^tare: image ".*app:1" is not here$/m],
    [['127.0.0.1:1/x'], /^tare: .*127[.]0[.]0[.]1:1.*refused/m],
  ];
  const messages = new Set<string>();
  for (const [words, message] of cases) {
    const ended = await tare('run', '--rm', ...words);
    assert.equal(ended.code, 125, ended.stderr);
    assert.match(ended.stderr, message);
    assert.equal(ended.stdout, '');
    messages.add(/^tare: .*$/m.exec(ended.stderr)?.[0] ?? '');
  }
  assert.equal(messages.size, cases.length);
});

test('credentials of a login are sent, and forgotten by a logout', async () => {
  const options = { env: environment(), input: 'secret\n' };
  const login = await run(TARE, ['login', '-u', 'me', '--password-stdin', locked.host], options);
  assert.equal(login.stdout, 'Login Succeeded\n', login.stderr);
  assert.equal((await tare('pull', '-q', `${locked.host}/private:1`)).stdout, `${locked.host}/private:1\n`);
  assert.equal((await tare('logout', locked.host)).code, 0);
  assert.equal((await tare('pull', '-q', `${locked.host}/private:1`)).code, 1);
});

test('a bar is drawn in its place, follows the window, and Ctrl-C leaves a sane terminal', async () => {
  registry.misbehave(new RegExp(`^GET /v2/app/blobs/${BIG}`), { kind: 'stall', after: SIZE / 2 }, 1);
  await atTerminal(async (terminal) => {
    terminal.line(`${TARE} run --rm ${registry.host}/app:1 echo "do""ne"; echo "co""de $?"`);
    const bar = new RegExp(`^${SHORT}: Downloading +\\[=+> *\\] {2}[\\d.]+MB/3MB$`, 'gm');
    await terminal.shows(bar);
    terminal.resize(70, 20);
    await terminal.shows(new RegExp(`^${SHORT}: Downloading +\\[=+> {1,20}\\] {2}[\\d.]+MB/3MB$`, 'm'));
    assert.equal(terminal.screen().match(/Downloading/g)?.length, 1, terminal.screen());
    terminal.press('C-c');
    await terminal.shows(/^host> $/m);
    terminal.line('stty -a | tr " " "\\n" | grep -xE "icanon|echo|isig|opost" | tr "\\n" "+"; echo " sa""ne"');
    await terminal.shows(/^icanon\+(.*\+)? sane$|^.*\+ sane$/m);
    terminal.line(`clear; ${TARE} run --rm ${registry.host}/app:1 echo "do""ne"; echo "co""de $?"`);
    await terminal.shows(/^code 0$/m);
    const screen = terminal.screen();
    assert.match(screen, new RegExp(`^${SHORT}: Pull complete$`, 'm'));
    assert.match(screen, /^Status: Downloaded newer image for .*app:1\ndone\ncode 0$/m);
    assert.doesNotMatch(screen, /Downloading|Extracting/);
  });
});

test('a password that is typed does not appear', () =>
  atTerminal(async (terminal) => {
    terminal.line(`${TARE} login ${locked.host}`);
    await terminal.shows(/^Username for .*: $/m);
    terminal.line('me');
    await terminal.shows(/^Password: $/m);
    terminal.line('secret');
    await terminal.shows(/^Login Succeeded$/m);
    assert.doesNotMatch(terminal.screen(), /secret/);
    terminal.line(`${TARE} logout ${locked.host}`);
    await terminal.shows(/^Removed the login credentials for /m);
  }));

test('where the output is piped there are plain lines, on stderr for run', async () => {
  assert.equal((await tare('rmi', '-f', `${registry.host}/app:1`)).code, 0);
  const ended = await tare('run', '--rm', `${registry.host}/app:1`, 'echo', 'hello');
  assert.equal(ended.stdout, 'hello\n');
  assert.match(ended.stderr, new RegExp(`^${SHORT}: (Pull complete|Already exists)$`, 'm'));
  assert.doesNotMatch(ended.stderr, /\u001b|\r/);
});
