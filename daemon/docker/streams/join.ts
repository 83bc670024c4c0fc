/** Joins the streams of a process with a connection that was taken over. The end of either ends both. */
import type { Duplex } from 'node:stream';
import type { Attachment } from '../../api/engine.ts';
import { frameHeader } from './frames.ts';

/** What may wait in the connection before the process is held back. */
const MAX_WAITING = 1024 * 1024;

export interface JoinOptions {
  /** What the client sends is passed on. */
  readonly stdin: boolean;
  /** The process sees the end of its input when the client has sent all of its. */
  readonly endsStdin: boolean;
}

export function joinConnection(attachment: Attachment, connection: Duplex, { stdin, endsStdin }: JoinOptions): void {
  let isHeldBack = false;
  connection.once('close', () => {
    attachment.close();
  });
  connection.on('error', () => {
    connection.destroy();
  });
  connection.on('drain', () => {
    if (!isHeldBack) return;
    isHeldBack = false;
    attachment.resume();
  });
  attachment.onDrain(() => {
    connection.resume();
  });
  connection.on('data', (bytes: Buffer) => {
    if (stdin && !attachment.write(bytes)) connection.pause();
  });
  connection.on('end', () => {
    if (stdin && endsStdin) attachment.endStdin();
  });
  attachment.begin({
    output(stream, bytes) {
      if (bytes.length === 0 || connection.destroyed || connection.writableEnded) return true;
      connection.cork();
      if (!attachment.terminal) connection.write(frameHeader(stream, bytes.length));
      connection.write(bytes);
      connection.uncork();
      isHeldBack = connection.writableLength > MAX_WAITING;
      return !isHeldBack;
    },
    end() {
      connection.end();
    },
  });
}
