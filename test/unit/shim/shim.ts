/** A real shim in a directory of its own, and a small client that speaks its protocol. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameParser, encodeMessage } from '../../../daemon/shim/codec.ts';
import { ATTACH_STDERR, ATTACH_STDIN, ATTACH_STDOUT, PROTOCOL_VERSION, STDIO } from '../../../daemon/shim/messages.ts';
import type { Message, MessageName } from '../../../daemon/shim/messages.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { buildShim } from '../../../scripts/build-shim.ts';

export const PROGRAM = process.env.TARE_SHIM ?? buildShim();

/** Generous: the machine may be busy with other things. */
export const DEADLINE_MS = 60_000;

export type Answer<N extends MessageName> = Extract<Message, { is: N }>;

/** Until `check` gives something; the deadline is for a failure, not for a measurement. */
export async function eventually<T>(what: string, check: () => T | undefined | false): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = check();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await sleep(10);
  }
}

export function alive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false; // no such process
  }
}

/** The simplest plan: the host's namespaces, a shell's script. */
export function shell(script: string): Buffer {
  return command('/bin/sh', '-c', script);
}

export function command(...argv: string[]): Buffer {
  return plan([], argv);
}

export function plan(extra: readonly Operation[], argv: readonly string[], flags = 0): Buffer {
  return encodePlan([
    { op: 'clone', flags },
    ...extra,
    { op: 'environment', variables: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C'] },
    { op: 'exec', file: '', argv: [...argv] },
  ]);
}

type StartFields = Omit<Answer<'start'>, 'is' | 'tag'>;

export class Client {
  readonly socket: Socket;
  readonly received: Message[] = [];
  error: unknown;
  ended = false;
  private readonly parser = new FrameParser('shim');
  private readonly waiting = new Set<() => void>();
  private tag = 0;

  /** On a socket at this path, or on a connection there is already. */
  constructor(to: string | Socket) {
    this.socket = typeof to === 'string' ? connect(to) : to;
    this.socket.on('data', (chunk) => {
      try {
        for (const message of this.parser.push(chunk)) this.received.push(message);
      } catch (error) {
        this.error = error;
      }
      this.wake();
    });
    this.socket.on('error', () => {
      // 'close' follows, which is what the tests look at.
    });
    this.socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }

  /** Resolves as soon as `check` does, looked at whenever something came. */
  async until<T>(what: string, check: () => T | undefined): Promise<T> {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(
          new Error(`never came: ${what}; received: ${JSON.stringify(this.received.map(({ is }) => is)).slice(-400)}`),
        );
      }, DEADLINE_MS);
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
        act();
      };
      const look = (): void => {
        const found = check();
        if (found !== undefined) {
          settle(() => {
            resolve(found);
          });
        } else if (this.error !== undefined || this.ended) {
          settle(() => {
            reject(new Error(`the connection ended before: ${what}`, { cause: this.error }));
          });
        }
      };
      this.waiting.add(look);
      look();
    });
  }

  send(message: Message): void {
    this.socket.write(encodeMessage(message));
  }

  hello(): this {
    this.send({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION });
    return this;
  }

  /** Sends, and gives the answer (for status: the `ok` at the end). */
  async request(message: Message): Promise<Message> {
    const tag = ++this.tag;
    this.send({ ...message, tag });
    return await this.until(`answer to ${message.is}`, () =>
      this.received.find((answer) => answer.tag === tag && answer.is !== 'process'),
    );
  }

  async expect<N extends MessageName>(is: N, message: Message): Promise<Answer<N>> {
    const answer = await this.request(message);
    assert.equal(answer.is, is, JSON.stringify(answer));
    return answer as Answer<N>;
  }

  async start(fields: Partial<StartFields> & { plan: Buffer }): Promise<Message> {
    return await this.request({
      is: 'start',
      tag: 0,
      process: '',
      stdio: STDIO.null,
      flags: 0,
      log: '',
      log_max_bytes: 0,
      log_max_files: 0,
      record: '',
      oom: '',
      ...fields,
    });
  }

  async started(fields: Partial<StartFields> & { plan: Buffer }): Promise<Answer<'started'>> {
    const answer = await this.start(fields);
    assert.equal(answer.is, 'started', JSON.stringify(answer));
    return answer;
  }

  async subscribe(): Promise<this> {
    await this.expect('ok', { is: 'subscribe', tag: 0 });
    return this;
  }

  async attach(
    process = '',
    streams = ATTACH_STDIN | ATTACH_STDOUT | ATTACH_STDERR,
    flags = 0,
  ): Promise<Answer<'attached'>> {
    return await this.expect('attached', { is: 'attach', tag: 0, process, streams, flags });
  }

  async exited(process = ''): Promise<Answer<'exited'>> {
    return await this.until(`exited of "${process}"`, () =>
      this.received.find(
        (message): message is Answer<'exited'> => message.is === 'exited' && message.process === process,
      ),
    );
  }

  async detached(): Promise<Answer<'detached'>> {
    return await this.until('detached', () =>
      this.received.find((message): message is Answer<'detached'> => message.is === 'detached'),
    );
  }

  async closed(): Promise<void> {
    if (!this.ended) await once(this.socket, 'close', { signal: AbortSignal.timeout(DEADLINE_MS) });
  }

  output(stream: 'stdout' | 'stderr' = 'stdout'): Buffer {
    return Buffer.concat(this.received.flatMap((message) => (message.is === stream ? [message.data] : [])));
  }

  text(stream: 'stdout' | 'stderr' = 'stdout'): string {
    return this.output(stream).toString();
  }

  async sees(text: string | RegExp): Promise<string> {
    return await this.until(`output ${String(text)}`, () => {
      const all = this.text();
      return (typeof text === 'string' ? all.includes(text) : text.test(all)) ? all : undefined;
    });
  }

  stdin(bytes: string | Uint8Array): void {
    this.send({ is: 'stdin', tag: 0, data: typeof bytes === 'string' ? Buffer.from(bytes) : bytes });
  }

  async status(): Promise<Answer<'process'>[]> {
    const before = this.received.length;
    await this.expect('ok', { is: 'status', tag: 0 });
    return this.received.slice(before).filter((message): message is Answer<'process'> => message.is === 'process');
  }
}

export class Shim {
  readonly directory: string;
  readonly socket: string;
  readonly child: ChildProcess;
  /** Resolves with the code, or the signal, with which the shim itself ended. */
  readonly ended: Promise<number | string>;
  private readonly clients: Client[] = [];
  private stderr = '';

  constructor(directory: string, prefix: readonly string[], options: readonly string[]) {
    this.directory = directory;
    this.socket = join(directory, 'shim.sock');
    const [program, ...args] = [...prefix, PROGRAM, '--socket', this.socket, '--ready-fd', '3', ...options];
    this.child = spawn(program ?? PROGRAM, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ASAN_OPTIONS: `log_path=${join(directory, 'sanitizer')}`,
        UBSAN_OPTIONS: `log_path=${join(directory, 'sanitizer')}`,
      },
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
      });
    });
  }

  /** A shim that listens; ended and its directory removed after the test. */
  static async run(
    t: TestContext,
    {
      prefix = [],
      options = [],
      directory = makeDirectory(),
    }: { prefix?: string[]; options?: string[]; directory?: string } = {},
  ): Promise<Shim> {
    const shim = new Shim(directory, prefix, options);
    t.after(async () => {
      await shim.end();
    });
    const ready = shim.child.stdio[3] as Readable;
    const [byte] = (await Promise.race([once(ready, 'data'), shim.ended.then(() => [undefined])])) as [
      Buffer | undefined,
    ];
    assert.ok(byte !== undefined, `the shim did not come up: ${shim.stderr}`);
    return shim;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  connect(): Client {
    const client = new Client(this.socket);
    this.clients.push(client);
    return client;
  }

  client(): Client {
    return this.connect().hello();
  }

  async gone(): Promise<void> {
    const end = await Promise.race([this.ended, sleep(DEADLINE_MS, 'still there', { ref: false })]);
    assert.equal(end, 0, this.reports());
  }

  reports(): string {
    const files = readdirSync(this.directory).filter((name) => name.startsWith('sanitizer'));
    return [this.stderr, ...files.map((name) => readFileSync(this.path(name), 'utf8'))].join('\n');
  }

  private async end(): Promise<void> {
    for (const { socket } of this.clients) socket.destroy();
    const processes = children(this.pid);
    this.child.kill('SIGKILL');
    for (const pid of processes) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    const how = await this.ended;
    const reports = this.reports();
    rmSync(this.directory, { recursive: true, force: true });
    assert.ok(how === 0 || how === 'SIGKILL', `the shim ended by itself with ${String(how)}: ${reports}`);
  }
}

export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'tare-shim-test-'));
}

function children(pid: number): number[] {
  try {
    return readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return []; // it is gone
  }
}
