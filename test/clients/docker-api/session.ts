/** One scenario at one engine: what it asks and what it is answered, step by step, in normalised words. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Answer } from '../../harness/client.ts';
import type { Finished } from '../../harness/daemon.ts';
import { until } from '../../harness/until.ts';
import type { Engine } from './engine.ts';
import { BASE, RICH } from './images.ts';
import { normalise, normaliseOutput, normaliseText, parseDocuments, type Known } from './normalise.ts';

export interface Step {
  /** "docker ps -a", "GET /containers/json", or the scenario's own word. */
  readonly asked: string;
  readonly answer: unknown;
}

/** Headers that clients look at. */
const HEADERS = ['content-type', 'connection', 'upgrade', 'location', 'x-docker-container-path-stat', 'allow'];

/** The version that both speak; a path that begins with a version, or is asked for by `plain`, keeps its own. */
const VERSION = '/v1.41';

export interface RawAnswer {
  /** "HTTP/1.1 101 UPGRADED" */
  readonly status: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export class Session {
  readonly engine: Engine;
  /** Begins the names of all that this scenario makes. */
  readonly name: string;
  readonly steps: Step[] = [];
  /** Unix seconds before anything was asked. */
  readonly began: number;
  private readonly known: Known;

  constructor(engine: Engine, name: string) {
    this.engine = engine;
    this.name = name;
    this.began = Math.floor(Date.now() / 1000) - 1;
    const { room, images } = engine;
    this.known = {
      paths: [
        [room.data, '<data>'],
        [room.folder, '<room>'],
        [room.group, '<group>'],
        [engine.socket, '<socket>'],
      ],
      digests: new Map([
        [images.ids[BASE] ?? '', '<base image>'],
        [images.ids[RICH] ?? '', '<rich image>'],
        [images.layer, '<layer>'],
      ]),
    };
  }

  /** A further name of this scenario's. */
  sub(suffix: string): string {
    return `${this.name}-${suffix}`;
  }

  /** docker's CLI, recorded. */
  async docker(...args: string[]): Promise<Finished> {
    return this.recorded(args, await this.engine.docker(...args));
  }

  /** As `docker`, its lines in any order. */
  async dockerSorted(...args: string[]): Promise<Finished> {
    const finished = await this.engine.docker(...args);
    const lines = finished.stdout.split('\n').filter((line) => line !== '');
    return this.recorded(args, { ...finished, stdout: lines.sort().join('\n') });
  }

  /** docker's CLI with something on stdin, recorded. */
  async dockerWith(input: string | Buffer, ...args: string[]): Promise<Finished> {
    return this.recorded(args, await this.engine.dockerWith(input, ...args));
  }

  private recorded(args: readonly string[], finished: Finished): Finished {
    const { code, stdout, stderr } = finished;
    const answer = {
      code,
      stdout: normaliseOutput(stdout, this.known),
      stderr: normaliseText(stderr, this.known),
    };
    this.steps.push({ asked: normaliseText(`docker ${args.join(' ')}`, this.known), answer });
    return finished;
  }

  /** docker's CLI, not recorded; it has to succeed. stdout without its last newline. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.engine.docker(...args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${code ?? 'killed'} ${stderr}`);
    return stdout.trimEnd();
  }

  /** A request in the version both speak, recorded. `only` picks what is compared of a body. */
  async http<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    options: { headers?: Record<string, string>; only?: (body: T) => unknown } = {},
  ): Promise<Answer<T>> {
    return this.plain(method, `${VERSION}${path}`, body, options);
  }

  /** As `http`, at exactly that path. */
  async plain<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    options: { headers?: Record<string, string>; only?: (body: T) => unknown } = {},
  ): Promise<Answer<T>> {
    const answer = await this.sent<T>(method, path, body, options.headers);
    const shown = options.only === undefined ? answer.body : options.only(answer.body);
    this.steps.push({
      asked: this.asked(method, path),
      answer: {
        status: answer.status,
        headers: this.headersOf(answer.headers),
        body: typeof shown === 'string' ? normaliseOutput(shown, this.known) : normalise(shown, this.known),
      },
    });
    return answer;
  }

  /** Of a progress stream the body is a list. */
  private async sent<T>(method: string, path: string, body: unknown, headers = {}): Promise<Answer<T>> {
    const response = await this.engine.client.open(method, path, body, headers);
    const content = await text(response);
    const isJson = (response.headers['content-type'] ?? '').includes('json');
    const parsed = isJson ? parseDocuments(content) : undefined;
    return { status: response.statusCode ?? 0, body: (parsed ?? content) as T, headers: response.headers };
  }

  private asked(method: string, path: string): string {
    let readable = path;
    try {
      readable = decodeURIComponent(path);
    } catch {
      // Nonsense on purpose.
    }
    return normaliseText(`${method} ${readable}`, this.known);
  }

  private headersOf(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, unknown> {
    const picked = HEADERS.flatMap((name) => {
      const value = headers[name];
      if (value === undefined || (name === 'connection' && /keep-alive|close/.test(String(value)))) return [];
      return [[name, this.header(name, String(value))] as const];
    });
    return Object.fromEntries(picked);
  }

  private header(name: string, value: string): unknown {
    if (name !== 'x-docker-container-path-stat') return normaliseText(value, this.known);
    return normalise(JSON.parse(Buffer.from(value, 'base64').toString()), this.known);
  }

  /** A request that is not recorded. */
  ask<T = unknown>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    return this.engine.client.send<T>(method, `${VERSION}${path}`, body);
  }

  /** Waits until inspect of a container says so. */
  async state(name: string, what: string, condition: (state: State) => boolean): Promise<void> {
    await until(`${name}: ${what} at ${this.engine.kind}`, async () => {
      const { status, body } = await this.ask<{ State: State }>('GET', `/containers/${name}/json`);
      return status === 200 && condition(body.State);
    });
  }

  /** Any value that is to be the same. */
  note(what: string, value: unknown): void {
    this.steps.push({ asked: normaliseText(what, this.known), answer: normalise(value, this.known) });
  }

  /** The events since the scenario began that the filters let pass, up to one that has this action. */
  async events(filters: Record<string, readonly string[]>, last: string): Promise<void> {
    const query = `since=${this.began}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
    const response = await this.engine.client.open('GET', `${VERSION}/events?${query}`);
    const seen: Record<string, unknown>[] = [];
    let rest = '';
    for await (const chunk of response) {
      rest += String(chunk);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') seen.push(JSON.parse(line) as Record<string, unknown>);
      if (seen.some(({ Action: action }) => action === last)) break;
    }
    response.destroy();
    this.note(`events ${JSON.stringify(filters)}`, seen);
  }

  /**
   * Bytes as they are on the socket; the answer until `enough` of the whole, or until the engine closes. With `isEnd`
   * nothing more is sent after them. Not recorded.
   */
  raw(bytes: string | Buffer, enough?: (answer: Buffer) => boolean, isEnd = false): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path: this.engine.client.socket, allowHalfOpen: isEnd });
      let all = Buffer.alloc(0);
      const done = (): void => {
        socket.destroy();
        resolve(parseRaw(all));
      };
      socket.on('data', (chunk: Buffer) => {
        all = Buffer.concat([all, chunk]);
        if (enough?.(all) === true) done();
      });
      socket.on('end', done);
      socket.on('error', (error) => (all.length > 0 ? done() : reject(error)));
      socket.setTimeout(20_000, () => {
        socket.destroy();
        reject(new Error(`no end at ${this.engine.kind} after ${JSON.stringify(all.toString('latin1'))}`));
      });
      if (isEnd) socket.end(bytes);
      else socket.write(bytes);
    });
  }

  /** As `raw`, recorded under a name: the status line, headers that matter, the body as text. */
  async rawHttp(
    what: string,
    bytes: string | Buffer,
    enough?: (answer: Buffer) => boolean,
    isEnd = false,
  ): Promise<RawAnswer> {
    const answer = await this.raw(bytes, enough, isEnd);
    const body = normaliseOutput(answer.body.toString('latin1'), this.known);
    this.steps.push({
      asked: what,
      answer: { status: answer.status, headers: this.headersOf(answer.headers), body },
    });
    return answer;
  }

  /** Removes what bears the scenario's name. */
  async clean(): Promise<void> {
    const { body: containers } = await this.ask<{ Id: string; Names: string[] }[]>('GET', '/containers/json?all=1');
    for (const { Id: id, Names: names } of listOf(containers)) {
      if (names.some((name) => this.isMine(name.slice(1)))) await this.ask('DELETE', `/containers/${id}?force=1&v=1`);
    }
    const { body: networks } = await this.ask<{ Id: string; Name: string }[]>('GET', '/networks');
    for (const { Id: id, Name: name } of listOf(networks))
      if (this.isMine(name)) await this.ask('DELETE', `/networks/${id}`);
    const { body: volumes } = await this.ask<{ Volumes?: { Name: string }[] | null }>('GET', '/volumes');
    for (const { Name: name } of listOf(volumes.Volumes))
      if (this.isMine(name)) await this.ask('DELETE', `/volumes/${name}`);
  }

  private isMine(name: string): boolean {
    return name === this.name || name.startsWith(`${this.name}-`);
  }
}

/** An engine that answers with an error instead has none. */
function listOf<T>(value: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [];
}

export interface State {
  readonly Status: string;
  readonly Running: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Health?: { readonly Status: string };
}

function parseRaw(all: Buffer): RawAnswer {
  const end = all.indexOf('\r\n\r\n');
  const [status = '', ...lines] = all
    .subarray(0, end < 0 ? all.length : end)
    .toString('latin1')
    .split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status, headers, body: end < 0 ? Buffer.alloc(0) : all.subarray(end + 4) };
}
