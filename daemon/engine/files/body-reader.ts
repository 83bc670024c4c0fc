/**
 * The body of a request as a thread reads it from its client's connection, without the daemon's event loop in between,
 * which would have to take each piece in hand. The event loop does not read there meanwhile.
 */
import { setImmediate } from 'node:timers/promises';
import { isReset, receive, waitForBytes } from '../../../native-bindings/socket-input.ts';
import { ChunkedDecoder, MalformedChunk } from '../../../shared/chunked.ts';
import type { DirectBody } from '../../api/engine.ts';
import { ConnectionFailure } from '../errors.ts';

/** For so long a thread receives and waits, milliseconds, before it hears whether its job is over. */
const SLICE = 50;
/** For how long a client may send nothing while its bytes are waited for, milliseconds. */
const SILENCE = 60_000;
/** More than lies ready at a time, and little enough to be in the processor's cache still when it is written. */
const PIECE = 256 * 1024;

/** Lets messages in, which may say that all of this is over. Throws the signal's reason. */
async function turn(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}

function failed(error: unknown): unknown {
  if (isReset(error)) return new ConnectionFailure('gone', 'the client has gone', { cause: error });
  if (error instanceof MalformedChunk) return new ConnectionFailure('malformed', error.message, { cause: error });
  return error;
}

/** A body of so many bytes, as ChunkedDecoder is one of chunks. */
class CountedDecoder {
  private left: number;

  constructor(length: number) {
    this.left = length;
  }

  get ended(): boolean {
    return this.left === 0;
  }

  *data(piece: Buffer): Generator<Buffer> {
    const part = piece.subarray(0, this.left);
    this.left -= part.length;
    if (part.length > 0) yield part;
  }
}

/**
 * The body up to its end, and nothing behind it. Each piece is only lent until the next is asked for. Throws
 * ConnectionFailure, the signal's reason, SystemError.
 */
export async function* bodyFrom({ fd, length }: DirectBody, signal: AbortSignal): AsyncGenerator<Buffer> {
  const decoder = length === undefined ? new ChunkedDecoder() : new CountedDecoder(length);
  const room = Buffer.allocUnsafeSlow(PIECE);
  let heard = -Infinity;
  try {
    while (!decoder.ended) {
      if (performance.now() - heard > SLICE) {
        await turn(signal);
        heard = performance.now();
      }
      const count = receive(fd, room) ?? (await received(fd, room, signal));
      if (count === 0) throw new ConnectionFailure('gone', 'the client has gone');
      for (const part of decoder.data(room.subarray(0, count))) yield part;
    }
  } catch (error) {
    throw failed(error);
  }
}

/** Waits for them. */
async function received(fd: number, room: Buffer, signal: AbortSignal): Promise<number> {
  for (const since = performance.now(); ;) {
    const count = waitForBytes(fd, SLICE) ? receive(fd, room) : undefined;
    if (count !== undefined) return count;
    await turn(signal);
    if (performance.now() - since < SILENCE) continue;
    throw new ConnectionFailure('silent', `no byte of the body came for ${String(SILENCE / 1000)} s`);
  }
}
