/** The end of a connection that was taken over: all that was written goes out, and a client that stays is not waited for. */
import type { Duplex } from 'node:stream';

/** For the client to have read, and to close. */
const PATIENCE_MS = 2000;

export function endConnection(connection: Duplex, last?: Buffer): void {
  if (connection.destroyed || connection.writableEnded) return;
  // what it still sends is taken, else the kernel would reset the connection with the output in it
  connection.removeAllListeners('data').resume();
  connection.on('error', () => connection.destroy());
  connection.end(last, () => {
    const timer = setTimeout(() => connection.destroy(), PATIENCE_MS).unref();
    connection.once('close', () => clearTimeout(timer));
  });
}
