/** Reading on what is not wanted, so that its sender gets to hear why. */
import type { IncomingMessage } from 'node:http';

export const DRAIN_BYTES = 64 * 1024 * 1024;
export const DRAIN_MS = 5000;

/**
 * Takes the rest of a body that was refused, up to 64 MiB and for 5 s. A server that answers and closes while the
 * client still sends makes the kernel reset the connection, and the client sees EPIPE instead of the answer.
 */
export function drain(request: IncomingMessage, then: () => void): void {
  let left = DRAIN_BYTES;
  const finish = (): void => {
    clearTimeout(deadline);
    request.off('data', count).off('end', finish).off('close', finish);
    then();
  };
  const count = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left < 0) finish();
  };
  const deadline = setTimeout(finish, DRAIN_MS);
  if (request.readableEnded || request.destroyed) finish();
  else request.on('data', count).on('end', finish).on('close', finish).resume();
}
