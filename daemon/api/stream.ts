/**
 * Answers that go on: newline-delimited JSON (the default), server-sent events (Accept: text/event-stream) and, where
 * a route offers it, plain text (Accept: text/plain). The headers go out at once. A client that reads slowly slows
 * the source; one that goes away ends it.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { toProblem } from './problem.ts';

export interface StreamFormat<Item> {
  readonly contentType: string;
  encode(item: Item): string;
  /** What is said to a client whose stream fails half-way; absent where the format has no words for it. */
  encodeFailure?(error: unknown): string;
}

export interface Encodings<Item> {
  readonly id: ((item: Item) => string) | undefined;
  readonly text: ((item: Item) => string) | undefined;
}

export function chooseFormat<Item>(accept: string | undefined, { id, text }: Encodings<Item>): StreamFormat<Item> {
  if (accept?.includes('text/event-stream') === true) {
    return {
      contentType: 'text/event-stream',
      encode: (item) => `${id === undefined ? '' : `id: ${id(item)}\n`}data: ${JSON.stringify(item)}\n\n`,
      encodeFailure: (error) => `event: problem\ndata: ${JSON.stringify(toProblem(error))}\n\n`,
    };
  }
  if (text !== undefined && accept?.includes('text/plain') === true) {
    return { contentType: 'text/plain; charset=utf-8', encode: text };
  }
  return { contentType: 'application/x-ndjson', encode: (item) => `${JSON.stringify(item)}\n` };
}

/** Written together at most: many small items cost one write. */
const BATCH = 32 * 1024;

/**
 * Writes all items and ends the response. When the source fails, the connection is cut, so that no client takes half
 * for the whole, and the error is thrown on. When the client goes, this returns.
 */
export async function sendStream<Item>(
  response: ServerResponse,
  items: AsyncIterable<Item>,
  format: StreamFormat<Item>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, {
    'content-type': format.contentType,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  const batch = createBatch(response);
  try {
    for await (const item of items) {
      if (signal.aborted) return;
      if (!batch.add(format.encode(item))) await once(response, 'drain', { signal });
    }
    batch.flush();
    response.end();
  } catch (error) {
    if (signal.aborted) return;
    batch.flush();
    if (format.encodeFailure !== undefined) response.write(format.encodeFailure(error));
    response.destroy();
    throw error;
  }
}

/** Holds what is written in one turn of the event loop, or until it is large. */
function createBatch(response: ServerResponse) {
  let held = '';
  let scheduled = false;
  const flush = (): boolean => {
    scheduled = false;
    if (held === '' || response.destroyed) return true;
    const text = held;
    held = '';
    return response.write(text);
  };
  return {
    /** False: wait for "drain". */
    add(text: string): boolean {
      held += text;
      if (held.length >= BATCH) return flush();
      if (!scheduled) {
        scheduled = true;
        setImmediate(flush);
      }
      return true;
    },
    flush,
  };
}
