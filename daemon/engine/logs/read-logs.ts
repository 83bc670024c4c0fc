/** Reads a container's log, rotated files included, and follows it while it grows. */
import { dirname } from 'node:path';
import type { LogEntry, LogQuery } from '../../../shared/api/logs.ts';
import { parseTime } from '../../../shared/time.ts';
import { inodeOf, openFiles } from './files.ts';
import type { LogFile } from './log-file.ts';
import { selectionOf, selects, timeLeft, type Selection } from './query.ts';
import type { TextEncoding } from './record.ts';
import { tailPosition } from './tail.ts';
import { Wakeup } from './wakeup.ts';

/** What the follower must know of the container. */
export interface LogSource {
  /** Nothing more will be written. */
  ended(): boolean;
  /** Calls back when that becomes so; returns what unsubscribes. */
  onEnded(callback: () => void): () => void;
}

/** The entries; after the end `skipped` tells how many records were corrupt or torn and left out. */
export interface LogReading extends AsyncIterable<LogEntry> {
  readonly skipped: number;
}

/** The clock that files are stamped with lags behind the one in the records by up to a tick. */
const CLOCK_LAG_NS = 1_000_000_000n;

/**
 * Reads the log at `path` (and `path.1`, …). Without `follow` in the query it ends at what is there now; with it when
 * `source` has ended and all is told, at `until`, or when the signal is aborted (without an error). A log that is not
 * there is empty. Throws EngineError invalid_field at once. `latin1` gives each byte of the text as one character.
 */
export function readLogs(
  path: string,
  query: LogQuery,
  source: LogSource,
  signal: AbortSignal,
  encoding: TextEncoding = 'utf8',
): LogReading {
  return new Reading(path, selectionOf(query), source, signal, encoding);
}

class Reading implements LogReading {
  skipped = 0;
  private readonly path: string;
  private readonly selection: Selection;
  private readonly source: LogSource;
  private readonly signal: AbortSignal;
  private readonly encoding: TextEncoding;

  constructor(path: string, selection: Selection, source: LogSource, signal: AbortSignal, encoding: TextEncoding) {
    this.path = path;
    this.selection = selection;
    this.source = source;
    this.signal = signal;
    this.encoding = encoding;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LogEntry, void, undefined> {
    if (this.signal.aborted) return;
    if (this.selection.follow) yield* this.followed();
    else yield* this.present();
  }

  /** What is there now, and not what comes while it is read. */
  private async *present(): AsyncGenerator<LogEntry, void, undefined> {
    const files = await openFiles(this.path, this.encoding);
    try {
      const sizes = await this.seekToStart(files);
      for (const [index, file] of files.entries()) {
        yield* this.rest(file, sizes[index] ?? 0);
        this.finish(file);
      }
    } finally {
      await closeAll(files);
    }
  }

  private async *followed(): AsyncGenerator<LogEntry, void, undefined> {
    const wakeup = new Wakeup();
    const files: LogFile[] = [];
    try {
      // before the first look, so that no change falls in between
      const watched = wakeup.watchDirectory(dirname(this.path));
      wakeup.on((callback) => this.source.onEnded(callback));
      wakeup.on((callback) => onAbort(this.signal, callback));
      let isOver = this.isOver();
      files.push(...(await openFiles(this.path, this.encoding)));
      await this.seekToStart(files);
      for (;;) {
        yield* this.available(files);
        if (this.signal.aborted || isOver || !watched) break;
        if (!this.source.ended()) await this.pause(wakeup);
        // asked before the last reading: what was written before the end is then there to be read
        isOver = this.isOver();
      }
      for (const file of files) this.finish(file);
    } finally {
      wakeup.close();
      await closeAll(files);
    }
  }

  /** Until something happens. The timer is set anew each time: one that rings a moment early must not be the last. */
  private async pause(wakeup: Wakeup): Promise<void> {
    const left = timeLeft(this.selection);
    if (left === 0) return;
    if (left !== undefined) wakeup.after(left);
    await wakeup.wait();
  }

  private isOver(): boolean {
    return this.source.ended() || timeLeft(this.selection) === 0;
  }

  /** All that can be read now; `files` is left with the one that is written to. */
  private async *available(files: LogFile[]): AsyncGenerator<LogEntry, void, undefined> {
    for (;;) {
      const [file] = files;
      if (file === undefined) {
        files.push(...(await openFiles(this.path, this.encoding)));
        if (files.length === 0) return;
        continue;
      }
      // asked before the reading: nothing is written to a file that has been renamed
      const isCurrent = files.length === 1 && (await inodeOf(this.path)) === file.inode;
      yield* this.rest(file, Number.MAX_SAFE_INTEGER);
      if (this.signal.aborted || isCurrent) return;
      if (files.length === 1 && !(await this.openSuccessors(files))) return;
      this.finish(file);
      files.shift();
      await file.close();
    }
  }

  /** Appends what came after the last of `files`. False if nothing did (yet). */
  private async openSuccessors(files: LogFile[]): Promise<boolean> {
    const all = await openFiles(this.path, this.encoding);
    const known = all.findIndex((file) => file.inode === files.at(-1)?.inode);
    // not among them any more: whatever was between it and the oldest that is left has been deleted
    await closeAll(all.slice(0, known + 1));
    const successors = all.slice(known + 1);
    files.push(...successors);
    return successors.length > 0;
  }

  private async *rest(file: LogFile, limit: number): AsyncGenerator<LogEntry, void, undefined> {
    for (;;) {
      const entries = this.signal.aborted ? undefined : await file.next(limit);
      if (entries === undefined) return;
      for (const entry of entries) {
        if (!selects(this.selection, entry)) continue;
        yield entry;
        if (this.signal.aborted) return;
      }
    }
  }

  /** Sets each file to where the selection begins. Returns how far each is written to. */
  private async seekToStart(files: readonly LogFile[]): Promise<number[]> {
    const stats = await Promise.all(files.map((file) => file.stat()));
    const sizes = stats.map(({ size }) => size);
    const { since, tail } = this.selection;
    const earliest = since === undefined ? undefined : parseTime(since) - CLOCK_LAG_NS;
    let first = 0;
    // a file last written before `since` has nothing to tell; the newest may still grow
    while (first < files.length - 1 && earliest !== undefined && (stats[first]?.writtenAt ?? 0n) < earliest) first += 1;
    const start =
      tail === undefined ? { file: first, offset: 0 } : await tailPosition(files, sizes, tail, this.selection);
    for (const [index, file] of files.entries()) {
      if (index < start.file || index < first) file.seek(sizes[index] ?? 0);
      else if (index === start.file) file.seek(start.offset);
    }
    return sizes;
  }

  private finish(file: LogFile): void {
    this.skipped += file.skipped + (file.torn ? 1 : 0);
  }
}

async function closeAll(files: readonly LogFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}

function onAbort(signal: AbortSignal, callback: () => void): () => void {
  signal.addEventListener('abort', callback, { once: true });
  return () => {
    signal.removeEventListener('abort', callback);
  };
}
