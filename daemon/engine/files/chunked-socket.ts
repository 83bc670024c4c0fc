/**
 * An archive straight to its client: chunks of HTTP (RFC 9112, section 7.1) written by the thread that makes them, so that
 * no byte passes through the event loop. The last chunk, of none, is written by who has the connection.
 */
import { writeSync } from 'node:fs';
import { waitForRoom } from '../../../native-bindings/socket-output.ts';

/** After so long the thread hears whether it is to stop. */
const PATIENCE_MS = 100;

/**
 * `socket` does not block, and nobody else writes to it meanwhile. `spare` gets each piece back that is written.
 *
 * @throws the signal's reason, what `pieces` and writeSync of node:fs throw (EPIPE)
 */
export async function writeChunked(
  socket: number,
  pieces: Iterable<Buffer>,
  { signal, spare }: { readonly signal: AbortSignal; readonly spare: Buffer[] },
): Promise<void> {
  let before = '';
  for (const piece of pieces) {
    await writeAll(socket, Buffer.from(`${before}${piece.length.toString(16)}\r\n`), signal);
    await writeAll(socket, piece, signal);
    spare.push(piece);
    before = '\r\n';
    await turn();
  }
  await writeAll(socket, Buffer.from(before), signal);
}

async function writeAll(socket: number, bytes: Buffer, signal: AbortSignal): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    signal.throwIfAborted();
    try {
      at += writeSync(socket, bytes, at);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      if (!waitForRoom(socket, PATIENCE_MS)) await turn();
    }
  }
}

/** Messages that came meanwhile are heard. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
