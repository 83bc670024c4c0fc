/** Joins the streams of a process with a connection that was taken over. The end of either ends both. */
import type { Duplex } from 'node:stream';
import type { Attachment } from '../../api/engine.ts';
import { endConnection } from './end.ts';
import { frameHeader } from './frames.ts';
import { Input, type InputOptions } from './input.ts';

/** What may wait in the connection before the process is held back. */
const MAX_WAITING = 1024 * 1024;

export interface JoinOptions extends InputOptions {
  /** Output goes in frames that say its stream. */
  readonly framed: boolean;
}

export function joinConnection(attachment: Attachment, connection: Duplex, options: JoinOptions): void {
  if (connection.destroyed) {
    attachment.close();
    return;
  }
  let isHeldBack = false;
  const input = new Input(attachment, options, () => {
    attachment.close();
    endConnection(connection);
  });
  connection.once('close', () => {
    input.stop();
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
    if (!input.take(bytes)) connection.pause();
  });
  connection.on('end', () => {
    input.end();
  });
  // one that was taken over is paused
  connection.resume();
  attachment.begin({
    output(stream, bytes) {
      if (bytes.length === 0 || connection.destroyed || connection.writableEnded) return true;
      connection.cork();
      if (options.framed) connection.write(frameHeader(stream, bytes.length));
      connection.write(bytes);
      connection.uncork();
      isHeldBack = connection.writableLength > MAX_WAITING;
      return !isHeldBack;
    },
    end() {
      input.stop();
      endConnection(connection);
    },
  });
}
