/** What an attachment reports for a process that has ended already: no output, and the end that is on record. */
import type { AttachEnd, Attachment, OutputSink } from '../../api/engine.ts';
import type { Exit } from '../../../shared/api/container.ts';
import type { ResizeRequest } from '../../../shared/api/exec.ts';
import { EngineError } from '../errors.ts';

export class EndedAttachment implements Attachment {
  readonly terminal: boolean;
  private readonly name: string;
  private readonly exit: Exit;
  private closed = false;

  /** `name` is for messages: "container web". */
  constructor(name: string, exit: Exit, terminal: boolean) {
    this.name = name;
    this.exit = exit;
    this.terminal = terminal;
  }

  begin(sink: OutputSink): void {
    if (!this.closed) sink.end(recordedEnd(this.exit));
  }

  write(): boolean {
    return true;
  }

  onDrain(): void {
    return;
  }

  endStdin(): void {
    return;
  }

  resize(size: ResizeRequest): Promise<void> {
    const wanted = `${String(size.rows)} by ${String(size.columns)}`;
    return Promise.reject(
      new EngineError('container_not_running', `${this.name} has ended: no terminal to be ${wanted}`),
    );
  }

  resume(): void {
    return;
  }

  close(): void {
    this.closed = true;
  }
}

/** `exited` also where the exit is unknown: then it says so itself. */
export function recordedEnd(exit: Exit): AttachEnd {
  return { reason: 'exited', exit };
}
