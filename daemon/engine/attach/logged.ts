/** An attachment that tells the log from its beginning and then what is added to it, until the process ends. */
import type { AttachEnd, Attachment, OutputSink } from '../../api/engine.ts';
import type { LogEntry } from '../../../shared/api/logs.ts';
import type { ResizeRequest } from '../../../shared/api/exec.ts';
import { readLogs } from '../logs/read-logs.ts';

export class LoggedAttachment implements Attachment {
  readonly terminal: boolean;
  /** Carries stdin, and tells the end: the shim says so after the last output is in the log. */
  private readonly live: Attachment;
  private readonly log: string;
  private readonly streams: { readonly stdout: boolean; readonly stderr: boolean };
  private readonly aborted = new AbortController();
  private end: AttachEnd | undefined;
  private endListener: (() => void) | undefined;
  private resumed: (() => void) | undefined;

  constructor(live: Attachment, log: string, streams: { readonly stdout: boolean; readonly stderr: boolean }) {
    this.live = live;
    this.log = log;
    this.streams = { stdout: streams.stdout, stderr: streams.stderr };
    this.terminal = live.terminal;
  }

  begin(sink: OutputSink): void {
    this.live.begin({
      output: () => true,
      end: (end) => {
        this.end = end;
        this.endListener?.();
      },
    });
    void this.tell(sink);
  }

  write(bytes: Buffer): boolean {
    return this.live.write(bytes);
  }

  onDrain(callback: () => void): void {
    this.live.onDrain(callback);
  }

  endStdin(): void {
    this.live.endStdin();
  }

  resize(size: ResizeRequest): Promise<void> {
    return this.live.resize(size);
  }

  resume(): void {
    const resumed = this.resumed;
    this.resumed = undefined;
    resumed?.();
  }

  close(): void {
    this.aborted.abort();
    this.live.close();
    this.resume();
  }

  private async tell(sink: OutputSink): Promise<void> {
    let end: AttachEnd;
    try {
      await this.tellLog(sink);
      end = this.end ?? { reason: 'closing' };
    } catch (error) {
      this.live.close();
      end = { reason: 'closing', message: `the log ${this.log} cannot be read: ${String(error)}` };
    }
    if (!this.aborted.signal.aborted) sink.end(end);
  }

  private async tellLog(sink: OutputSink): Promise<void> {
    const source = {
      ended: () => this.end !== undefined,
      onEnded: (callback: () => void) => {
        this.endListener = callback;
        return () => {
          this.endListener = undefined;
        };
      },
    };
    const query = { follow: true, ...this.streams };
    for await (const entry of readLogs(this.log, query, source, this.aborted.signal, 'latin1')) {
      if (this.aborted.signal.aborted || sink.output(entry.stream, bytesOf(entry))) continue;
      await new Promise<void>((resolve) => {
        this.resumed = resolve;
      });
    }
  }
}

/** What the process wrote: only a whole line ended with a newline. */
function bytesOf(entry: LogEntry): Buffer {
  return Buffer.from(entry.partial ? entry.text : `${entry.text}\n`, 'latin1');
}
