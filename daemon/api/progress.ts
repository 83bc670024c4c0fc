/**
 * How long work goes on, told to a client that asks for it. The work is never held up: what a client does not take in
 * time is replaced by what is newer.
 */
import type { ServerResponse } from 'node:http';
import type { Progress } from '../../shared/api/image.ts';
import { chooseFormat, type StreamFormat } from './stream.ts';

/** So often at most; people see no more. */
const INTERVAL_MS = 100;
/** Of different things to tell that may wait: layers of images, many times over. */
const WAITING_MAX = 1024;

/** Whether the client wants to be told, by the header Accept. */
export function wantsProgress(accept: string | undefined): boolean {
  return accept !== undefined && /application\/x-ndjson|text\/event-stream/.test(accept);
}

export class ProgressStream {
  private readonly response: ServerResponse;
  private readonly format: StreamFormat<Progress>;
  /** By what they are about, in the order in which it came up. */
  private readonly waiting = new Map<string, Progress>();
  private timer: NodeJS.Timeout | undefined;

  /** The headers go out at once. */
  constructor(response: ServerResponse, accept: string | undefined) {
    this.response = response;
    this.format = chooseFormat<Progress>(accept, { id: undefined, text: undefined });
    response.writeHead(200, {
      'content-type': this.format.contentType,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    response.on('drain', () => {
      this.flush();
    });
  }

  report(progress: Progress): void {
    const key = JSON.stringify([progress.image, progress.layer, progress.status]);
    const [oldest] = this.waiting.keys();
    if (this.waiting.size >= WAITING_MAX && oldest !== undefined) this.waiting.delete(oldest);
    this.waiting.set(key, progress);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, INTERVAL_MS);
  }

  /**
   * Comes in order, and nothing of it is left out. What the client does not take in time is waited for: a promise, which
   * resolves when it took it, or has gone.
   */
  tell(progress: Progress): Promise<void> | undefined {
    // what has no output is a state, of which the newest counts
    if (progress.output === undefined) {
      this.report(progress);
      return undefined;
    }
    this.write();
    const { response } = this;
    if (response.destroyed || response.write(this.format.encode(progress))) return undefined;
    return new Promise((resolve) => {
      const taken = (): void => {
        response.off('drain', taken).off('close', taken);
        resolve();
      };
      response.on('drain', taken).on('close', taken);
    });
  }

  /** The last item: `result` or `problem`. What waited comes before it. */
  finish(last: Progress): void {
    clearTimeout(this.timer);
    this.write();
    this.response.write(this.format.encode(last));
  }

  private flush(): void {
    // "drain" comes back to it
    if (!this.response.writableNeedDrain) this.write();
  }

  private write(): void {
    const text = [...this.waiting.values()].map((progress) => this.format.encode(progress)).join('');
    this.waiting.clear();
    if (text !== '' && !this.response.destroyed) this.response.write(text);
  }
}
