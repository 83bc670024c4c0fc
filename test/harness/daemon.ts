/** A daemon of the test's own: its folders, its process, clients of it, and the end of it all. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from './client.ts';
import { until } from './until.ts';
import { makeRootfs } from './rootfs.ts';

const OUTPUT_MAX = 200_000;

const top = join(import.meta.dirname, '../..');

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; input?: string | Buffer; cwd?: string } = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that ends without reading its input is no fault of the test.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

export interface DaemonSettings {
  /** Further options of tared; they have the last word. */
  readonly args?: readonly string[];
  /** A command that runs the daemon as its own process, such as strace -D. */
  readonly under?: readonly string[];
}

export class TestDaemon {
  readonly folder: string;
  readonly root: string;
  readonly run: string;
  readonly rootfs: string;
  readonly client: Client;
  private readonly command: readonly [string, ...string[]];
  private child: ChildProcess | undefined;
  private left = '';

  private constructor(folder: string, { args = [], under = [] }: DaemonSettings) {
    this.folder = folder;
    this.root = join(folder, 'root');
    this.run = join(folder, 'run');
    this.rootfs = join(folder, 'rootfs');
    this.client = new Client(this.socket);
    // these tests run in the machine's own network, where nothing is to be made
    const own = ['--root', this.root, '--run', this.run, '--log-level', 'info', '--default-network', 'none'];
    this.command = [...under, join(top, 'bin/tared'), ...own, ...args] as [string, ...string[]];
  }

  get socket(): string {
    return join(this.run, 'tare.sock');
  }

  private get log(): string {
    return join(this.folder, 'daemon.log');
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('the daemon does not run');
    return this.child.pid;
  }

  /** What the daemon has written to stderr so far: to a file, so that nobody who is measured has to read it. */
  get output(): string {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').slice(-OUTPUT_MAX) : this.left;
  }

  /** Folders, a busybox root and a running daemon. `close` takes it all away. */
  static async open(settings: DaemonSettings = {}): Promise<TestDaemon> {
    const daemon = new TestDaemon(await mkdtemp(join(tmpdir(), 'tare-e2e-')), settings);
    await mkdir(daemon.rootfs);
    makeRootfs(daemon.rootfs);
    await daemon.start();
    return daemon;
  }

  /** Starts the daemon and waits until it answers. */
  async start(): Promise<void> {
    const [program, ...args] = this.command;
    const log = openSync(this.log, 'a');
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    this.child = child;
    await until('the daemon answers', async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the daemon ended: ${this.output}`);
      return this.answers();
    });
  }

  /**
   * A connection alone says nothing: of a daemon that was killed while it made a process, the socket lives a moment
   * longer. Not kept alive, as it would be idle until it is cut off in the midst of the first request of a slow test.
   */
  private answers(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const request = get({ socketPath: this.socket, path: '/v1/ping', agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '')) resolve(false);
        else reject(error);
      });
    });
  }

  /** Ends the daemon by a signal and waits for its end. Containers live on. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === undefined) return null;
    this.child = undefined;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'close');
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  }

  /** Removes every container, ends the daemon, removes the folders. */
  async close(): Promise<void> {
    if (this.child === undefined) await this.start();
    const all = await this.client.must<{ id: string }[]>('GET', '/v1/containers?all=true');
    for (const { id } of all) await this.client.send('DELETE', `/v1/containers/${id}?force=true`);
    this.client.close();
    await this.end('SIGTERM');
    this.left = this.output;
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Runs the CLI against this daemon. */
  cli(args: readonly string[], input?: string | Buffer): Promise<Finished> {
    return run(join(top, 'bin/tare'), args, {
      env: { TARE_HOST: `unix://${this.socket}` },
      ...(input === undefined ? {} : { input }),
    });
  }

  /** Creates a container on the busybox root; `request` is the rest of the body. */
  async create(command: readonly string[], request: Record<string, unknown> = {}): Promise<string> {
    const { id } = await this.client.must<{ id: string }>('POST', '/v1/containers', {
      rootfs: this.rootfs,
      command,
      ...request,
    });
    return id;
  }

  /** Creates, starts, waits for the end; the exit and what it printed on stdout. The container is removed. */
  async runToEnd(
    command: readonly string[],
    request: Record<string, unknown> = {},
  ): Promise<{
    exit: { code?: number; signal?: string; oomKilled: boolean; unknown: boolean };
    stdout: string;
    stderr: string;
  }> {
    const id = await this.create(command, request);
    await this.client.must('POST', `/v1/containers/${id}/start`);
    const exit = await this.client.must<{ code?: number; signal?: string; oomKilled: boolean; unknown: boolean }>(
      'GET',
      `/v1/containers/${id}/wait`,
    );
    const stdout = await this.logText(id, 'stdout');
    const stderr = await this.logText(id, 'stderr');
    await this.client.must('DELETE', `/v1/containers/${id}`);
    return { exit, stdout, stderr };
  }

  /** The log of one stream as the program wrote it. */
  async logText(id: string, stream: 'stdout' | 'stderr'): Promise<string> {
    const body = await this.client.must<string>('GET', `/v1/containers/${id}/logs?${stream}=true`);
    return body
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { text: string; partial: boolean })
      .map((entry) => entry.text + (entry.partial ? '' : '\n'))
      .join('');
  }

  async hostPid(id: string): Promise<number> {
    const { pid } = await this.client.must<{ pid?: number }>('GET', `/v1/containers/${id}`);
    if (pid === undefined) throw new Error(`${id} does not run`);
    return pid;
  }
}

/** The shim's pid: the parent of a container's init. */
export async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
}
