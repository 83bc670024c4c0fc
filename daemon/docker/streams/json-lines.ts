/**
 * Work that tells how it goes on, as a stream of JSON objects (`jsonmessage`). What fails before anything was told is an
 * answer with its status; afterwards it is told in the stream, as `errorDetail`. The work is never held up by a client:
 * of what waits, a newer state of a layer takes the place of an older one.
 */
import { toDockerError, type ErrorTexts } from '../error.ts';
import { jsonText } from '../register.ts';
import type { DockerAnswer, DockerCall } from '../route.ts';

export interface Line {
  readonly status?: string;
  readonly id?: string;
  readonly stream?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly progress?: string;
  readonly aux?: unknown;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message: string };
}

/** Of different things to tell that may wait. */
const WAITING_MAX = 4096;

export type Tell = (line: Line) => void;

/** The answer is there with the first line, or with the end of the work. */
export async function jsonLines(
  call: DockerCall,
  work: (tell: Tell) => Promise<void>,
  texts: ErrorTexts = {},
): Promise<DockerAnswer> {
  const lines = new Lines();
  const done = work((line) => {
    lines.add(line);
  }).then(
    () => {
      lines.end();
    },
    (error: unknown) => {
      if (!lines.hasBegun) throw toDockerError(error, texts, call.id);
      const { message } = toDockerError(error, texts, call.id);
      lines.add({ errorDetail: { message }, error: message });
      lines.end();
    },
  );
  await Promise.race([lines.begun, done]);
  return { status: 200, stream: lines.read() };
}

class Lines {
  readonly begun: Promise<void>;
  hasBegun = false;
  private readonly begin: () => void;
  private waiting = new Map<string, Line>();
  private count = 0;
  private ended = false;
  private wake: () => void = () => undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.begun = promise.then(() => undefined);
    this.begin = () => {
      resolve(undefined);
    };
  }

  add(line: Line): void {
    this.hasBegun = true;
    this.begin();
    // states of one layer replace each other, all else is told once each
    const isState = line.progressDetail !== undefined && line.id !== undefined;
    const key = isState ? `${line.id} ${line.status ?? ''}` : String((this.count += 1));
    const [oldest] = this.waiting.keys();
    if (this.waiting.size >= WAITING_MAX && oldest !== undefined) this.waiting.delete(oldest);
    this.waiting.set(key, line);
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *read(): AsyncGenerator<string, void, undefined> {
    for (;;) {
      const text = [...this.waiting.values()].map(crlfText).join('');
      this.waiting.clear();
      if (text !== '') yield text;
      else if (this.ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}

/** As dockerd's stream formatter ends them. */
function crlfText(line: Line): string {
  return `${jsonText(line).trimEnd()}\r\n`;
}
