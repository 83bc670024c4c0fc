/** One client that waits for a container to start: what it writes is held, then it is connected. */
import type { AttachEnd, Attachment, OutputSink } from '../../api/engine.ts';
import type { ResizeRequest } from '../../../shared/api/exec.ts';
import type { Shim } from '../../shim/types.ts';
import type { PendingOptions } from './pending.ts';
import { attachRunning } from './running.ts';

/** Of stdin, before the start; then the client is told to hold. */
const MOST_HELD = 64 * 1024;

export class PendingAttachment implements Attachment {
  readonly terminal: boolean;
  private readonly container: string;
  private readonly options: PendingOptions;
  private readonly dropped: () => void;
  private connected: Attachment | undefined;
  private sink: OutputSink | undefined;
  private drain: (() => void) | undefined;
  private held: Buffer[] = [];
  private heldSize = 0;
  private stdinEnded = false;
  private size: ResizeRequest | undefined;
  private ended: AttachEnd | undefined;
  private closed = false;

  /** `dropped` is called when the client goes away before it is connected. */
  constructor(container: string, options: PendingOptions, dropped: () => void) {
    this.container = container;
    this.options = options;
    this.dropped = dropped;
    this.terminal = options.terminal;
  }

  /** Before `start` is sent. Does not throw: whoever cannot be connected is told so, and the start goes on. */
  async connect(shim: Shim): Promise<void> {
    const { log, logs, ...options } = this.options;
    const target = { shim, process: '', container: this.container };
    let attachment: Attachment;
    try {
      attachment = await attachRunning({ ...target, ...options, ...(logs && log !== undefined ? { log } : {}) });
    } catch (error) {
      this.end({ reason: 'shim_lost', message: error instanceof Error ? error.message : String(error) });
      return;
    }
    if (this.closed) {
      attachment.close();
      return;
    }
    if (this.size !== undefined) shim.sizeAtStart('', this.size.rows, this.size.columns);
    this.connected = attachment;
    if (this.sink !== undefined) attachment.begin(this.sink);
    this.passStdin(attachment);
  }

  /** It will not be connected. */
  end(end: AttachEnd): void {
    if (this.closed || this.ended !== undefined) return;
    this.ended = end;
    this.held = [];
    this.sink?.end(end);
  }

  begin(sink: OutputSink): void {
    this.sink = sink;
    this.connected?.begin(sink);
    if (this.ended !== undefined) sink.end(this.ended);
  }

  write(bytes: Buffer): boolean {
    if (this.connected !== undefined) return this.connected.write(bytes);
    if (this.ended !== undefined || this.stdinEnded || !this.options.stdin) return true;
    this.held.push(bytes);
    this.heldSize += bytes.length;
    return this.heldSize < MOST_HELD;
  }

  onDrain(callback: () => void): void {
    this.drain = callback;
    this.connected?.onDrain(callback);
  }

  endStdin(): void {
    this.stdinEnded = true;
    this.connected?.endStdin();
  }

  /** Before the start it is kept, and set with the start. */
  async resize(size: ResizeRequest): Promise<void> {
    this.size = size;
    await this.connected?.resize(size);
  }

  resume(): void {
    this.connected?.resume();
  }

  close(): void {
    this.closed = true;
    this.held = [];
    if (this.connected === undefined) this.dropped();
    else this.connected.close();
  }

  private passStdin(attachment: Attachment): void {
    const held = this.held;
    const isHeldBack = this.heldSize >= MOST_HELD;
    this.held = [];
    let more = true;
    for (const bytes of held) more = attachment.write(bytes);
    if (this.stdinEnded) attachment.endStdin();
    if (this.drain === undefined) return;
    attachment.onDrain(this.drain);
    // who was told to hold here is told to go on here, unless the shim will do it
    if (isHeldBack && more) this.drain();
  }
}
