/** A person at a terminal: tmux on a server of the test's own, keys sent, the screen read. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.ts';

let opened = 0;

export class Terminal {
  private readonly socket: string;
  private readonly server: number;

  /** A window of `columns` × `rows` with a plain bash. */
  constructor(folder: string, size: { columns: number; rows: number }, env: Record<string, string>) {
    // A socket each: the server before may still be on its way out of its own.
    this.socket = join(folder, `tmux-${++opened}.sock`);
    const variables = Object.entries({ ...env, HISTFILE: '' }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    this.tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-x',
      String(size.columns),
      '-y',
      String(size.rows),
      ...variables,
      'bash --norc --noprofile',
    );
    this.tmux('set-option', '-g', 'history-limit', '5000');
    this.server = Number(this.tmux('display-message', '-p', '#{pid}'));
  }

  private tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.socket, ...args], { encoding: 'utf8' });
  }

  /** Types text as it is (no key names). */
  type(text: string): void {
    this.tmux('send-keys', '-l', '--', text);
  }

  /** Presses keys by tmux's names: Enter, C-c, C-p. */
  press(...keys: string[]): void {
    this.tmux('send-keys', ...keys);
  }

  line(text: string): void {
    this.type(text);
    this.press('Enter');
  }

  resize(columns: number, rows: number): void {
    this.tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  screen(): string {
    return this.tmux('capture-pane', '-p', '-J', '-S', '-');
  }

  /** Waits until the screen shows it. */
  async shows(pattern: RegExp, seconds = 30): Promise<string> {
    let screen = '';
    try {
      return await until(
        '',
        () => {
          screen = this.screen();
          return pattern.exec(screen)?.[0];
        },
        seconds,
      );
    } catch (cause) {
      throw new Error(`the screen never showed ${String(pattern)}:\n${screen}`, { cause });
    }
  }

  /** Ends the server with all that runs in it, and waits for its end. */
  async close(): Promise<void> {
    this.tmux('kill-server');
    await until('tmux ends', () => !existsSync(`/proc/${this.server}`));
  }
}
