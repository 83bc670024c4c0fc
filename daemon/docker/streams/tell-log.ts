/** The log of a container as bytes, each of its entries a piece. */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { LogEntry, LogQuery } from '../../../shared/api/logs.ts';
import type { Engine } from '../../api/engine.ts';
import { endConnection } from './end.ts';
import { frame } from './frames.ts';

export interface LogWanted {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Else nothing is told. */
  readonly logs: boolean;
}

export interface LogShape {
  readonly framed: boolean;
  /** Each piece begins with its time. */
  readonly timestamps?: boolean;
  /** Then with what the log's options asked to be kept: nothing, so that there is only the space behind it. */
  readonly details?: boolean;
}

/** What is written together, at most about this. */
const BATCH = 32 * 1024;

/** Throws what the engine does before the first piece is asked for. */
export async function logBytes(
  engine: Engine,
  id: string,
  query: LogQuery,
  shape: LogShape,
  signal: AbortSignal,
): Promise<AsyncGenerator<Buffer, void, undefined>> {
  const entries = await engine.logs(id, query, signal, 'latin1');
  return pieces(entries, shape);
}

/** Small ones together, as long as there are more at hand. */
async function* pieces(entries: AsyncIterable<LogEntry>, shape: LogShape): AsyncGenerator<Buffer, void, undefined> {
  const iterator = entries[Symbol.asyncIterator]();
  let held: Buffer[] = [];
  let size = 0;
  let patience = turn();
  try {
    for (;;) {
      const next = iterator.next();
      // told of where it is awaited; nobody may come to that
      next.catch(() => undefined);
      const found = held.length === 0 ? await next : await Promise.race([next, patience]);
      if (held.length > 0 && (found === 'turn' || size >= BATCH || found.done === true)) {
        yield Buffer.concat(held);
        [held, size] = [[], 0];
      }
      const entry = found === 'turn' ? await next : found;
      if (entry.done === true) return;
      if (held.length === 0) patience = turn();
      const piece = pieceOf(entry.value, shape);
      held.push(piece);
      size += piece.length;
    }
  } finally {
    await iterator.return?.();
  }
}

function turn(): Promise<'turn'> {
  return new Promise((resolve) => {
    setImmediate(resolve, 'turn');
  });
}

/** Exported for its test. */
export function pieceOf({ at, stream, text, partial }: LogEntry, shape: LogShape): Buffer {
  const before = `${shape.timestamps === true ? `${at} ` : ''}${shape.details === true ? ' ' : ''}`;
  const line = `${before}${text}${partial ? '' : '\n'}`;
  return shape.framed ? frame(stream, line, 'latin1') : Buffer.from(line, 'latin1');
}

/** What the log holds by now, and the end of the connection. */
export async function tellLog(
  engine: Engine,
  id: string,
  connection: Duplex,
  { framed, wanted }: { readonly framed: boolean; readonly wanted: LogWanted },
): Promise<void> {
  const { stdout, stderr, logs } = wanted;
  const gone = new AbortController();
  connection.on('error', () => connection.destroy()).once('close', () => gone.abort());
  try {
    if (logs && (stdout || stderr)) {
      const bytes = await logBytes(engine, id, { stdout, stderr }, { framed }, gone.signal);
      await pipeline(Readable.from(bytes, { objectMode: false }), connection, { end: false });
    }
    endConnection(connection);
  } catch (error) {
    connection.destroy();
    if (!gone.signal.aborted) throw error;
  }
}
