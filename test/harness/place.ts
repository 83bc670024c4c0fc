/** Where programs run that talk over a network, and what they say: test/probe/talk.c. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { run, type Finished } from './daemon.ts';
import { until } from './until.ts';

const TALK_SOURCE = join(import.meta.dirname, '../probe/talk.c');

/** As musl's users have it: names are resolved by a C library without plug-ins. */
export function compileTalk(program: string): void {
  execFileSync('musl-gcc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', program, TALK_SOURCE]);
}

/** How long somebody waits for an answer that must not come; one that does come is there at once. */
const SILENCE_MS = 400;

/** timeout(1) says so. */
const BROKEN_OFF = 124;

export type Protocol = 'tcp' | 'udp';

export interface AskOptions {
  /** Of a name's addresses, those of this family. */
  readonly family?: 4 | 6;
  /** One's own address. */
  readonly from?: string;
  /** It is broken off after so many seconds: a C library waits longer than that before it asks a DNS server again. */
  readonly seconds?: number;
}

/** Somebody who listens: test/probe/talk.c. */
export class Server {
  private readonly child: ChildProcess;
  private text = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
  }

  /** Who came, "PROTOCOL PEER LOCAL" each. */
  get seen(): string[] {
    return this.text.split('\n').slice(1, -1);
  }

  async listens(): Promise<this> {
    await until('a server listens', () => {
      if (this.child.exitCode !== null) throw new Error(`the server ended: ${this.text}`);
      return this.text.startsWith('ready\n');
    });
    return this;
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }
}

/** Somebody who asks all the time over one connection. */
export class Asker {
  private readonly child: ChildProcess;
  private text = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
  }

  /** Ends the conversation; its last answer, or why it broke off before. */
  async end(): Promise<string> {
    const ended = this.child.exitCode === null ? once(this.child, 'close') : undefined;
    this.child.stdin?.end();
    await ended;
    return this.text.trimEnd();
  }
}

/** Where programs run: the namespaces of one process, or the test's own. */
export class Place {
  private readonly enter: readonly string[];
  private readonly talk: string;
  private readonly children: { end(): Promise<unknown> }[] = [];

  /** `talk` is the program's path as it is seen from there. */
  constructor(talk: string, enter: readonly string[] = []) {
    this.talk = talk;
    this.enter = enter;
  }

  run(...command: readonly string[]): Promise<Finished> {
    const [program = '', ...args] = [...this.enter, ...command];
    return run(program, args);
  }

  /** ip(8), its output; it must succeed. */
  ip(...words: readonly string[]): string {
    const [program = '', ...args] = [...this.enter, 'ip', ...words];
    return execFileSync(program, args, { encoding: 'utf8' });
  }

  /**
   * "PEER LOCAL" as the one who was asked sees it, or why there is no answer: "connect ECONNREFUSED",
   * "answer ETIMEDOUT", "resolve …".
   */
  ask(protocol: Protocol, host: string, port: number, options: AskOptions = {}): Promise<string> {
    return this.asked(protocol, host, port, options, []);
  }

  /** As `ask`, where an answer must not come: waits for it less long. */
  askInVain(protocol: Protocol, host: string, port: number, options: AskOptions = {}): Promise<string> {
    return this.asked(protocol, host, port, options, ['-t', String(SILENCE_MS)]);
  }

  private async asked(protocol: Protocol, host: string, port: number, options: AskOptions, more: string[]) {
    const words = ['ask', ...more, ...flags(options), protocol, host, String(port)];
    const { seconds } = options;
    const limit = seconds === undefined ? [] : ['timeout', String(seconds)];
    const [program = '', ...args] = [...limit, ...this.enter, this.talk, ...words];
    const { code, stdout, stderr } = await run(program, args);
    if (code === BROKEN_OFF && seconds !== undefined) return 'broken off';
    if (code === null || code > 1 || stdout === '')
      throw new Error(`talk ${words.join(' ')}: ${code} ${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  /** Asks every 10 ms over one connection, until its `end`. */
  keepAsking(protocol: Protocol, host: string, port: number, options: AskOptions = {}): Asker {
    const words = ['ask', '-k', ...flags(options), protocol, host, String(port)];
    const asker = new Asker(this.spawn(this.talk, ...words));
    this.children.push(asker);
    return asker;
  }

  /** One datagram under a source address that need not be one's own. */
  async tell(source: string, host: string, port: number): Promise<void> {
    const { code, stdout, stderr } = await this.run(this.talk, 'tell', source, host, String(port));
    if (code !== 0) throw new Error(`talk tell ${source} ${host} ${port}: ${stdout}${stderr}`);
  }

  /** Listens, each as "PROTOCOL:[ADDRESS,]PORT". */
  async serve(...specs: readonly string[]): Promise<Server> {
    const server = new Server(this.spawn(this.talk, 'serve', ...specs));
    this.children.push(server);
    return server.listens();
  }

  private spawn(...command: readonly string[]): ChildProcess {
    const [program = '', ...args] = [...this.enter, ...command];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => undefined);
    return child;
  }

  /** Ends who listens and who asks. */
  async close(): Promise<void> {
    await Promise.all(this.children.map((child) => child.end()));
  }
}

function flags({ family, from }: AskOptions): string[] {
  return [...(family === undefined ? [] : [`-${family}`]), ...(from === undefined ? [] : ['-s', from])];
}
