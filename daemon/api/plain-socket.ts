/** Connections that a thread may write to itself. */
import type { ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { descriptorOf } from '../../native-bindings/peer-credentials.ts';

/**
 * The descriptor of the connection, when the head of the answer is written, where chunks may be written to it from
 * outside of Node; undefined: it is encrypted, or the client knows no chunks.
 */
export async function plainSocket(response: ServerResponse): Promise<number | undefined> {
  const { socket } = response;
  if (socket === null || socket instanceof TLSSocket) return undefined;
  if (response.req.httpVersion !== '1.1') return undefined;
  response.flushHeaders();
  // called when all that was written before is with the kernel
  await new Promise((resolve) => socket.write('', resolve));
  // not before: a number that was closed meanwhile may be another connection's by now
  return descriptorOf(socket);
}
