/** An attachment over the shim's own connection: bytes as they come. */
import type { Attachment, OutputSink } from '../../api/engine.ts';
import type { ResizeRequest } from '../../../shared/api/exec.ts';
import type { ShimAttachment } from '../../shim/types.ts';
import { attachEndOf } from './end.ts';
import { attachError, type AttachTarget } from './target.ts';

export class LiveAttachment implements Attachment {
  readonly terminal: boolean;
  private readonly target: AttachTarget;
  private readonly streams: ShimAttachment;

  constructor(target: AttachTarget, streams: ShimAttachment, terminal: boolean) {
    this.target = target;
    this.streams = streams;
    this.terminal = terminal;
  }

  begin(sink: OutputSink): void {
    this.streams.begin({
      output: (stream, bytes) => sink.output(stream, bytes),
      end: (end) => {
        sink.end(attachEndOf(end));
      },
    });
  }

  write(bytes: Buffer): boolean {
    return this.streams.write(bytes);
  }

  onDrain(callback: () => void): void {
    this.streams.onDrain(callback);
  }

  endStdin(): void {
    this.streams.endStdin();
  }

  /** Throws EngineError not_a_terminal, container_not_running, exec_not_running, shim_unreachable. */
  async resize(size: ResizeRequest): Promise<void> {
    try {
      await this.target.shim.resize(this.target.process, size.rows, size.columns);
    } catch (error) {
      throw attachError(this.target, error);
    }
  }

  resume(): void {
    this.streams.resume();
  }

  close(): void {
    this.streams.close();
  }
}
