/** What a client sends to a process: passed on, watched for the keys that let go. */
import { DetachKeys } from '../../../shared/detach-keys.ts';
import type { Attachment } from '../../api/engine.ts';

export interface InputOptions {
  /** What the client sends is passed on; else it is dropped. */
  readonly stdin: boolean;
  /** The process sees the end of its input when the client has sent all of its. Else that is the end of the session. */
  readonly endsStdin: boolean;
  /** Keys that let go, where there are some: the session ends, the process goes on. */
  readonly detach?: { readonly keys: readonly number[]; readonly told: () => void };
}

/** A key that may be the first of a sequence is passed on when no other follows for so long. */
const PATIENCE_MS = 500;

export class Input {
  private readonly attachment: Attachment;
  private readonly options: InputOptions;
  private readonly over: () => void;
  private readonly keys: DetachKeys | undefined;
  private patience: NodeJS.Timeout | undefined;
  private isOver = false;

  /** `over`: the session is to end. */
  constructor(attachment: Attachment, options: InputOptions, over: () => void) {
    this.attachment = attachment;
    this.options = options;
    this.over = over;
    const { detach, stdin } = options;
    this.keys = detach === undefined || !stdin ? undefined : new DetachKeys(detach.keys);
  }

  /** False: the process takes no more for now. */
  take(bytes: Buffer): boolean {
    if (!this.options.stdin || this.isOver) return true;
    if (this.keys === undefined) return this.attachment.write(bytes);
    const { forward, detached } = this.keys.feed(bytes);
    const more = forward.length === 0 || this.attachment.write(forward);
    if (detached) this.letGo();
    else this.waitForMore(this.keys);
    return more;
  }

  /** The client has sent all it will. */
  end(): void {
    if (!this.options.stdin || this.isOver) return;
    this.passWithheld();
    if (this.options.endsStdin) this.attachment.endStdin();
    else this.finish();
  }

  stop(): void {
    this.isOver = true;
    clearTimeout(this.patience);
  }

  private letGo(): void {
    this.options.detach?.told();
    this.finish();
  }

  private finish(): void {
    this.stop();
    this.over();
  }

  private waitForMore(keys: DetachKeys): void {
    clearTimeout(this.patience);
    if (keys.pending) this.patience = setTimeout(() => this.passWithheld(), PATIENCE_MS);
  }

  private passWithheld(): void {
    clearTimeout(this.patience);
    const withheld = this.keys?.release();
    if (withheld !== undefined && withheld.length > 0) this.attachment.write(withheld);
  }
}
