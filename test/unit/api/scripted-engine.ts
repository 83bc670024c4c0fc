/** An Engine whose functions a test scripts one by one; one that is not scripted fails the test. Calls are kept. */
import { EventEmitter } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { createApi, type ApiLogger } from '../../../daemon/api/server.ts';
import type { AttachEnd, Attachment, Engine, OutputSink, OutputStream } from '../../../daemon/api/engine.ts';

export interface Scripted {
  readonly engine: Engine;
  /** Name and arguments of each call. */
  readonly calls: (readonly [name: string, ...args: unknown[]])[];
}

export function scriptedEngine(script: Partial<Engine>): Scripted {
  const calls: [string, ...unknown[]][] = [];
  const functions: Record<string, unknown> = { identify: () => undefined, ...script };
  const engine = new Proxy(functions, {
    get(target, name: string) {
      const scripted = target[name];
      return (...args: unknown[]): unknown => {
        if (name !== 'identify') calls.push([name, ...args]);
        if (typeof scripted !== 'function') throw new Error(`the test did not expect a call of ${name}`);
        return (scripted as (...args: unknown[]) => unknown)(...args);
      };
    },
  });
  return { engine: engine as unknown as Engine, calls };
}

export type Line = Record<string, unknown>;

export function createLines(): { logger: ApiLogger; lines: Line[] } {
  const lines: Line[] = [];
  const write = (level: string) => (fields: unknown, message?: string) => {
    lines.push({ level, ...(fields as Line), ...(message === undefined ? {} : { message }) });
  };
  const logger: ApiLogger = { info: write('info'), warn: write('warn'), error: write('error') };
  return { logger, lines };
}

export interface Served extends Scripted {
  readonly api: FastifyInstance;
  readonly lines: Line[];
}

export function serve(script: Partial<Engine>, peer = { uid: 1000, pid: 77 }): Served {
  const { engine, calls } = scriptedEngine(script);
  const { logger, lines } = createLines();
  return { api: createApi({ engine, logger, version: '1.2.3', peerOf: () => peer }), engine, calls, lines };
}

/** An attachment under the test's control. */
export class ScriptedAttachment
  extends EventEmitter<{ begun: []; closed: []; input: []; resumed: [] }>
  implements Attachment
{
  readonly terminal = false;
  readonly input: Buffer[] = [];
  readonly sizes: unknown[] = [];
  sink: OutputSink | undefined;
  closes = 0;
  resumes = 0;
  ended = false;
  /** What write() answers. */
  takes = true;
  #drained: (() => void)[] = [];

  begin(sink: OutputSink): void {
    this.sink = sink;
    this.emit('begun');
  }

  write(bytes: Buffer): boolean {
    this.input.push(Buffer.from(bytes));
    this.emit('input');
    return this.takes;
  }

  onDrain(callback: () => void): void {
    this.#drained.push(callback);
  }

  drain(): void {
    this.takes = true;
    for (const callback of this.#drained) callback();
  }

  endStdin(): void {
    this.ended = true;
    this.emit('input');
  }

  resize(size: unknown): Promise<void> {
    this.sizes.push(size);
    this.emit('input');
    return Promise.resolve();
  }

  resume(): void {
    this.resumes++;
    this.emit('resumed');
  }

  close(): void {
    this.closes++;
    this.emit('closed');
  }

  output(stream: OutputStream, bytes: Buffer): boolean {
    if (this.sink === undefined) throw new Error('not begun');
    return this.sink.output(stream, bytes);
  }

  end(end: AttachEnd): void {
    this.sink?.end(end);
  }
}
