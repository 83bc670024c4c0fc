/**
 * The connection that carries a client's bytes to the stdin of one process. It is apart from the one that carries
 * output: when the process ends while the client still writes, the write fails with EPIPE and Node gives the whole
 * socket up, with the last output unread in it.
 */
import { connect, type Socket } from 'node:net';
import { FrameParser, encodeMessage, encodeRawHeader } from './codec.ts';
import { ATTACH_CLOSE_STDIN, ATTACH_STDIN, MAX_DATA, PROTOCOL_VERSION, type Message } from './messages.ts';
import { ShimLost, ShimRefusal } from './types.ts';

const READ_SIZE = 1024;

export class StdinConnection {
  private readonly socket: Socket;
  private readonly parser = new FrameParser('shim');
  private opened: ((error: Error | undefined) => void) | undefined;
  private drain: (() => void) | undefined;
  private over = false;

  /** Asks to be attached at once; `opened` is called once, with undefined where that was granted. */
  constructor(path: string, process: string, closeStdin: boolean, opened: (error: Error | undefined) => void) {
    this.opened = opened;
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    const callback = (count: number): boolean => {
      this.read(buffer.subarray(0, count));
      return true;
    };
    this.socket = connect({ path, onread: { buffer, callback } });
    let cause: Error | undefined;
    this.socket.on('error', (error) => {
      cause ??= error;
    });
    this.socket.on('drain', () => this.drain?.());
    this.socket.on('close', () => {
      // ignoring why, once attached: that the process or the shim is gone is told with its output
      this.over = true;
      this.answered(
        new ShimLost(`${path} hung up before it answered attach`, false, cause === undefined ? undefined : { cause }),
      );
      // nobody is kept waiting for room that is not needed any more
      this.drain?.();
    });
    this.socket.cork();
    this.socket.write(encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION }));
    const flags = closeStdin ? ATTACH_CLOSE_STDIN : 0;
    this.socket.write(encodeMessage({ is: 'attach', tag: 1, process, streams: ATTACH_STDIN, flags }));
    this.socket.uncork();
  }

  /** False: hold until the drain callback. What comes after the end of the process is dropped. */
  write(bytes: Buffer): boolean {
    if (this.over || bytes.length === 0) return true;
    this.socket.cork();
    let more = true;
    for (let at = 0; at < bytes.length; at += MAX_DATA) {
      const part = bytes.subarray(at, at + MAX_DATA);
      this.socket.write(encodeRawHeader('stdin', 0, part.length));
      more = this.socket.write(part);
    }
    this.socket.uncork();
    return more;
  }

  onDrain(callback: () => void): void {
    this.drain = callback;
  }

  /** Nothing more can be written. */
  end(): void {
    if (this.over) return;
    this.socket.write(encodeRawHeader('stdin', 0, 0));
    this.over = true;
  }

  close(): void {
    this.over = true;
    this.opened = undefined;
    this.drain = undefined;
    this.socket.destroy();
  }

  private read(bytes: Uint8Array): void {
    try {
      for (const message of this.parser.push(bytes)) this.received(message);
    } catch (error) {
      this.answered(error as Error);
      this.socket.destroy();
    }
  }

  private received(message: Message): void {
    if (message.is === 'attached') this.answered(undefined);
    if (message.is === 'error') this.answered(new ShimRefusal(message.text, Number(message.errno)));
  }

  private answered(error: Error | undefined): void {
    const opened = this.opened;
    this.opened = undefined;
    opened?.(error);
  }
}
