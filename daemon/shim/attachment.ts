/** The streams of one process for one client: a connection for output, and one for stdin where that is asked for. */
import { ATTACH_CUT_WHEN_SLOW, ATTACH_FOLLOWS_LOG, ATTACH_STDERR, ATTACH_STDOUT } from './messages.ts';
import { OutputConnection } from './output-connection.ts';
import { StdinConnection } from './stdin-connection.ts';
import { ShimLost, type AttachSink, type AttachmentOptions, type ShimAttachment } from './types.ts';

/** Resolves when the shim has granted it. Rejects with ShimRefusal or ShimLost. */
export function openAttachment(
  path: string,
  process: string,
  options: AttachmentOptions,
  deadlineMs: number,
): Promise<ShimAttachment> {
  return new Promise((resolve, reject) => {
    let awaited = options.stdin ? 2 : 1;
    const opened = (error: Error | undefined): void => {
      awaited -= 1;
      if (error === undefined && awaited > 0) return;
      clearTimeout(timer);
      if (error === undefined) {
        resolve(new ConnectedAttachment(output, stdin));
        return;
      }
      close();
      reject(error);
    };
    const streams = (options.stdout ? ATTACH_STDOUT : 0) | (options.stderr ? ATTACH_STDERR : 0);
    const flags =
      (options.cutWhenSlow ? ATTACH_CUT_WHEN_SLOW : 0) | (options.followsLog === true ? ATTACH_FOLLOWS_LOG : 0);
    const output = new OutputConnection(path, { process, streams, flags }, opened);
    const stdin = options.stdin ? new StdinConnection(path, process, options.closeStdin, opened) : undefined;
    const close = (): void => {
      output.close();
      stdin?.close();
    };
    const timer = setTimeout(() => {
      close();
      reject(new ShimLost(`${path} did not answer attach within ${String(deadlineMs)} ms`, true));
    }, deadlineMs);
  });
}

class ConnectedAttachment implements ShimAttachment {
  readonly terminal: boolean;
  private readonly output: OutputConnection;
  private readonly stdin: StdinConnection | undefined;

  constructor(output: OutputConnection, stdin: StdinConnection | undefined) {
    this.terminal = output.terminal;
    this.output = output;
    this.stdin = stdin;
  }

  begin(sink: AttachSink): void {
    this.output.begin({
      output: (stream, bytes) => sink.output(stream, bytes),
      end: (end) => {
        this.close();
        sink.end(end);
      },
    });
  }

  write(bytes: Buffer): boolean {
    return this.stdin?.write(bytes) ?? true;
  }

  onDrain(callback: () => void): void {
    this.stdin?.onDrain(callback);
  }

  endStdin(): void {
    this.stdin?.end();
  }

  resume(): void {
    this.output.resume();
  }

  close(): void {
    this.output.close();
    this.stdin?.close();
  }
}
