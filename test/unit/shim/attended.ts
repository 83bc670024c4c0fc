/** A real attended shim: on a connection that both have from the start, as tare-oci runs it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DEADLINE_MS, PROGRAM, makeDirectory } from './shim.ts';

export interface AttendedOptions {
  /** Descriptors of the test's that become the shim's 3, 4, …; given with --preserve-fds. */
  readonly preserve?: readonly number[];
  /** Before the shim's own. */
  readonly prefix?: readonly string[];
}

export class Attended {
  readonly directory = makeDirectory();
  readonly child: ChildProcess;
  readonly client: Client;
  /** The code, or the signal, with which the shim itself ended. */
  readonly ended: Promise<number | string>;
  private readonly chunks: [Buffer[], Buffer[]] = [[], []];

  private constructor({ preserve = [], prefix = [] }: AttendedOptions) {
    const connection = 3 + preserve.length;
    const [program = PROGRAM, ...args] = [
      ...prefix,
      PROGRAM,
      '--connection',
      String(connection),
      ...(preserve.length === 0 ? [] : ['--preserve-fds', String(preserve.length)]),
    ];
    const log = `log_path=${join(this.directory, 'sanitizer')}`;
    this.child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...preserve, 'pipe'],
      env: { ...process.env, ASAN_OPTIONS: log, UBSAN_OPTIONS: log },
    });
    for (const [index, stream] of [this.child.stdout, this.child.stderr].entries()) {
      stream?.on('data', (chunk: Buffer) => this.chunks[index]?.push(chunk));
    }
    this.ended = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
      });
    });
    this.client = new Client(this.child.stdio[connection] as Socket);
  }

  /** Ended, and its directory removed, after the test; what it was told to leave behind is the test's to end. */
  static run(t: TestContext, options: AttendedOptions = {}): Attended {
    const shim = new Attended(options);
    t.after(async () => {
      shim.client.socket.destroy();
      await shim.gone();
      rmSync(shim.directory, { recursive: true, force: true });
    });
    shim.client.hello();
    return shim;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  text(stream: 'stdout' | 'stderr' = 'stdout'): string {
    return Buffer.concat(this.chunks[stream === 'stdout' ? 0 : 1]).toString();
  }

  /** Hangs up, and waits for the end of the shim. */
  async leave(): Promise<void> {
    this.client.socket.destroy();
    await this.gone();
  }

  async gone(): Promise<void> {
    const end = await Promise.race([this.ended, sleep(DEADLINE_MS, 'still there', { ref: false })]);
    assert.ok(end === 0 || end === 'SIGKILL', `${String(end)}: ${this.reports()}`);
  }

  reports(): string {
    const files = readdirSync(this.directory).filter((name) => name.startsWith('sanitizer'));
    return [this.text('stderr'), ...files.map((name) => readFileSync(this.path(name), 'utf8'))].join('\n');
  }
}
