/** Writes a log as the shim does, rotation included. */
import { appendFileSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { LogEntry, LogQuery } from '../../../shared/api/logs.ts';
import { formatTime } from '../../../shared/time.ts';
import { readLogs, type LogReading, type LogSource } from '../../../daemon/engine/logs/read-logs.ts';

export type Stream = 'stdout' | 'stderr';

/** Of all logs in this process: json-file.test.ts reads the same in the other one. */
export const FORMAT: { is: 'cri' | 'json-file' } = { is: 'cri' };

export class LogWriter implements LogSource {
  readonly directory: string;
  readonly path: string;
  private readonly maxFiles: number;
  private at = 1_767_225_600_000_000_000n;
  private over = false;
  private listeners = new Set<() => void>();

  constructor(t: TestContext, maxFiles = 5) {
    this.directory = mkdtempSync(join(tmpdir(), 'tare-logs-'));
    this.path = join(this.directory, 'log');
    this.maxFiles = maxFiles;
    t.after(() => {
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  /** Each record is a second after the one before. */
  line(text: string, stream: Stream = 'stdout', tag: 'F' | 'P' = 'F'): string {
    this.at += 1_000_000_000n;
    const at = formatTime(this.at);
    const log = tag === 'F' ? `${text}\n` : text;
    const time = at.replace(/\.?0+Z$/, 'Z');
    this.raw(FORMAT.is === 'cri' ? `${at} ${stream} ${tag} ${text}\n` : `${JSON.stringify({ log, stream, time })}\n`);
    return at;
  }

  raw(bytes: string | Buffer): void {
    appendFileSync(this.path, bytes);
  }

  rotate(): void {
    if (this.maxFiles <= 1) {
      unlinkSync(this.path);
      return;
    }
    let last = 1;
    while (last < this.maxFiles - 1 && existsSync(`${this.path}.${String(last)}`)) last += 1;
    for (let to = last; to > 0; to -= 1) {
      renameSync(to === 1 ? this.path : `${this.path}.${String(to - 1)}`, `${this.path}.${String(to)}`);
    }
  }

  get size(): number {
    return existsSync(this.path) ? statSync(this.path).size : 0;
  }

  ended(): boolean {
    return this.over;
  }

  onEnded(callback: () => void): () => void {
    this.listeners.add(callback);
    return () => this.listeners.delete(callback);
  }

  get followers(): number {
    return this.listeners.size;
  }

  end(): void {
    this.over = true;
    for (const listener of this.listeners) listener();
  }

  read(query: LogQuery = {}, signal = new AbortController().signal): LogReading {
    return readLogs(this.path, query, this, signal);
  }
}

export async function all(reading: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of reading) entries.push(entry);
  return entries;
}

export async function texts(reading: AsyncIterable<LogEntry>): Promise<string[]> {
  return (await all(reading)).map(({ text }) => text);
}

export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

/** To be read by hand, one entry at a time. */
export function iterate(reading: LogReading): AsyncIterator<LogEntry, undefined> {
  return reading[Symbol.asyncIterator]() as AsyncIterator<LogEntry, undefined>;
}
