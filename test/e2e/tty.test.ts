/** A person at a terminal (tmux): what README's `tare run --rm -it --rootfs / bash` promises. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../harness/daemon.ts';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';

const TARE = join(import.meta.dirname, '../../bin/tare');

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

/** A terminal with a shell whose prompt is "host> ", `tare` bound to this test's daemon. */
async function atTerminal(use: (terminal: Terminal) => Promise<void>): Promise<void> {
  const terminal = new Terminal(daemon.folder, { columns: 100, rows: 30 }, { TARE_HOST: `unix://${daemon.socket}` });
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

/** A sane terminal: canonical, echoing, and the shell answers. */
async function isSane(terminal: Terminal): Promise<void> {
  terminal.line('stty -a | tr " " "\\n" | grep -xE "icanon|echo|isig|opost" | tr "\\n" "+"; echo " sa""ne"');
  const line = await terminal.shows(/.*\+ sane/);
  for (const mode of ['icanon', 'echo', 'isig', 'opost']) assert.match(line, new RegExp(`\\b${mode}\\+`), line);
}

/** bash's own prompt, which nobody has changed in there. */
const INSIDE = /bash-[\d.]+[#$] $/m;

const RUN = `${TARE} run --rm -it --rootfs / bash --norc --noprofile`;

test('a shell on a pts whose size follows the window; exit 42', () =>
  atTerminal(async (terminal) => {
    terminal.line(RUN);
    await terminal.shows(INSIDE);
    terminal.line('tty');
    await terminal.shows(/^\/dev\/pts\/\d+$/m);
    terminal.line('stty size');
    await terminal.shows(/^30 100$/m);
    terminal.resize(120, 40);
    await until('the size follows', () => {
      terminal.line('stty size');
      return /^40 120$/m.test(terminal.screen());
    });
    terminal.line('exit 42');
    await terminal.shows(/host> $/m);
    terminal.line('echo "co""de $?"');
    await terminal.shows(/^code 42$/m);
    await isSane(terminal);
  }));

test('Ctrl-C ends the foreground job and Ctrl-Z stops it', () =>
  atTerminal(async (terminal) => {
    terminal.line(RUN);
    await terminal.shows(INSIDE);
    terminal.line('sleep 1000; echo "af""ter $?"');
    // The job is in the foreground once ps of the container says so.
    await sleeping(1);
    terminal.press('C-c');
    await terminal.shows(/\^C/);
    terminal.line('echo "st""ill here"');
    await terminal.shows(/^still here$/m);
    terminal.line('sleep 1000');
    await sleeping(1);
    terminal.press('C-z');
    await terminal.shows(/Stopped/);
    // bash warns of the stopped job first, and the second exit counts.
    terminal.line('exit');
    await terminal.shows(/There are stopped jobs/);
    terminal.line('exit');
    await terminal.shows(/host> $/m);
    await isSane(terminal);
  }));

/** Waits until so many sleeps run in the one container there is. */
async function sleeping(count: number): Promise<void> {
  await until('sleep is in the foreground', async () => {
    const [container] = await daemon.client.must<{ id: string }[]>('GET', '/v1/containers');
    if (container === undefined) return false;
    const { processes } = await daemon.client.must<{ processes: string[][] }>(
      'GET',
      `/v1/containers/${container.id}/top`,
    );
    return processes.filter((row) => row.join(' ').includes('sleep 1000')).length === count;
  });
}

test('detach leaves it running, attach comes back', () =>
  atTerminal(async (terminal) => {
    terminal.line(RUN.replace('--rm', '--rm --name kept'));
    await terminal.shows(INSIDE);
    terminal.line('word=remembered');
    terminal.press('C-p', 'C-q');
    await terminal.shows(/host> $/m);
    await isSane(terminal);
    terminal.line(`${TARE} attach kept`);
    // A terminal that attaches sees nothing until something is printed.
    terminal.line('');
    terminal.line('echo "wo""rd: $word"');
    await terminal.shows(/^word: remembered$/m);
    terminal.line('exit 3');
    await terminal.shows(/host> $/m);
    terminal.line('echo "co""de $?"');
    await terminal.shows(/^code 3$/m);
  }));

test('exec -it gives a second terminal', () =>
  atTerminal(async (terminal) => {
    const id = await daemon.create(['sleep', '1000']);
    await daemon.client.must('POST', `/v1/containers/${id}/start`);
    terminal.line(`${TARE} exec -it ${id.slice(0, 12)} /bin/sh`);
    await terminal.shows(/# $/m);
    terminal.line('stty size; tty; exit 5');
    await terminal.shows(/^30 100$/m);
    await terminal.shows(/host> $/m);
    terminal.line('echo "co""de $?"');
    await terminal.shows(/^code 5$/m);
    await isSane(terminal);
    await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  }));

test('the daemon dies in mid-session: a clear message, a code that is not 0, a sane terminal', () =>
  atTerminal(async (terminal) => {
    terminal.line(RUN);
    await terminal.shows(INSIDE);
    await daemon.end('SIGKILL');
    await terminal.shows(/lost the connection to the daemon/);
    await terminal.shows(/host> $/m);
    terminal.line('echo "co""de $?"');
    await terminal.shows(/^code 125$/m);
    await isSane(terminal);
    await daemon.start();
  }));
