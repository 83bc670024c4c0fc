/** The connection that carries the output of one process, and tells its end. */
import { connect, type Socket } from 'node:net';
import { FrameParser, encodeMessage } from './codec.ts';
import { PROTOCOL_VERSION, type Message } from './messages.ts';
import { ReadSlab } from './read-slab.ts';
import { ShimLost, ShimRefusal, type AttachSink } from './types.ts';

type End = Parameters<AttachSink['end']>[0];
type Held = { readonly stream: 'stdout' | 'stderr'; readonly bytes: Buffer } | End;

export class OutputConnection {
  /** The process has a PTY; known once `opened` was called, false for a process that is not started yet. */
  terminal = false;
  private readonly path: string;
  private readonly socket: Socket;
  private readonly parser = new FrameParser('shim');
  private readonly slab = new ReadSlab();
  private opened: ((error: Error | undefined) => void) | undefined;
  private sink: AttachSink | undefined;
  /** What the sink did not want yet; never more than one read. */
  private held: Held[] = [];
  private willing = false;
  private delivering = false;
  private cause: Error | undefined;
  /** The end was received (it may still be held); nothing more is expected. */
  private told = false;
  private closed = false;

  /** Asks to be attached at once; `opened` is called once, with undefined where that was granted. */
  constructor(
    path: string,
    attach: { readonly process: string; readonly streams: number; readonly flags: number },
    opened: (error: Error | undefined) => void,
  ) {
    this.path = path;
    this.opened = opened;
    const onread = {
      buffer: () => this.slab.next(),
      callback: (count: number) => this.read(this.slab.taken(count)),
    };
    this.socket = connect({ path, onread });
    this.socket.on('error', (error) => {
      this.cause ??= error;
    });
    this.socket.on('close', () => {
      this.ended();
    });
    this.socket.cork();
    this.socket.write(encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION }));
    this.socket.write(encodeMessage({ is: 'attach', tag: 1, ...attach }));
    this.socket.uncork();
  }

  begin(sink: AttachSink): void {
    this.sink = sink;
    this.resume();
  }

  resume(): void {
    if (this.sink === undefined || this.closed) return;
    this.willing = true;
    this.deliver();
    if (this.isWilling()) this.socket.resume();
  }

  close(): void {
    this.closed = true;
    this.opened = undefined;
    this.held = [];
    this.socket.destroy();
  }

  /** False stops the socket: until `begin`, and while the sink wants no more. */
  private read(bytes: Uint8Array): boolean {
    if (this.closed || this.told) return true;
    try {
      for (const message of this.parser.push(bytes)) this.received(message);
    } catch (error) {
      this.cause = error as Error;
      this.socket.destroy();
      return false;
    }
    this.deliver();
    // before `attached` there is more to come that is not output
    return this.willing || this.told || this.opened !== undefined;
  }

  private received(message: Message): void {
    switch (message.is) {
      case 'stdout':
      case 'stderr':
        this.held.push({ stream: message.is, bytes: message.data as Buffer });
        return;
      case 'exited':
        this.tell({ reason: 'exited', exit: message });
        return;
      case 'detached':
        this.tell({ reason: message.reason === 'slow' ? 'slow' : 'lost' });
        return;
      case 'attached':
        this.terminal = message.terminal === 1;
        this.answered(undefined);
        return;
      case 'error':
        this.answered(new ShimRefusal(message.text, Number(message.errno)));
        return;
      default:
        return;
    }
  }

  private answered(error: Error | undefined): void {
    const opened = this.opened;
    this.opened = undefined;
    opened?.(error);
  }

  private tell(end: End): void {
    if (this.told) return;
    this.told = true;
    this.held.push(end);
  }

  private isWilling(): boolean {
    return this.willing;
  }

  private deliver(): void {
    const sink = this.sink;
    if (sink === undefined || this.delivering) return;
    this.delivering = true;
    let at = 0;
    try {
      while (at < this.held.length && this.willing && !this.closed) {
        const item = this.held[at];
        at += 1;
        if (item === undefined) break;
        if ('reason' in item) sink.end(item);
        else if (!sink.output(item.stream, item.bytes)) this.willing = false;
      }
    } finally {
      this.held.splice(0, at);
      this.delivering = false;
    }
  }

  private ended(): void {
    if (this.closed) return;
    const cause = this.cause === undefined ? undefined : { cause: this.cause };
    this.answered(new ShimLost(`${this.path} hung up before it answered attach`, false, cause));
    this.tell({ reason: 'lost' });
    this.deliver();
  }
}
