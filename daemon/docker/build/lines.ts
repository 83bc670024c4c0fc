/**
 * What a build tells, as a stream of JSON objects: nothing is left out, so whoever reads it slowly slows the build. What
 * fails before anything was told is an answer with its status; afterwards it is told in the stream.
 */
import type { DockerError } from '../error.ts';
import { jsonText } from '../register.ts';
import type { DockerAnswer } from '../route.ts';
import type { Line } from '../streams/json-lines.ts';

/** Characters that may wait. */
const WAITING_MAX = 256 * 1024;

export type TellLine = (line: Line) => Promise<void> | undefined;

/** `failure`: what is answered, or told, of an error, and the exit code of the command that failed. */
export async function buildLines(
  work: (tell: TellLine) => Promise<void>,
  failure: (error: unknown) => { readonly error: DockerError; readonly code: number | undefined },
): Promise<DockerAnswer> {
  const lines = new Lines();
  const done = work((line) => lines.add(line)).then(
    () => {
      lines.end();
    },
    (thrown: unknown) => {
      const { error, code } = failure(thrown);
      if (!lines.hasBegun) throw error;
      const { message } = error;
      void lines.add({ errorDetail: { ...(code === undefined ? {} : { code }), message }, error: message });
      lines.end();
    },
  );
  await Promise.race([lines.begun.promise, done]);
  return { status: 200, stream: lines.read() };
}

class Lines {
  readonly begun = Promise.withResolvers<undefined>();
  hasBegun = false;
  private waiting = '';
  private ended = false;
  private abandoned = false;
  private wakeReader: () => void = () => undefined;
  private taken = Promise.withResolvers<undefined>();

  add(line: Line): Promise<void> | undefined {
    this.hasBegun = true;
    this.begun.resolve(undefined);
    if (this.abandoned) return undefined;
    // as dockerd's stream formatter ends them
    this.waiting += `${jsonText(line).trimEnd()}\r\n`;
    this.wakeReader();
    return this.waiting.length > WAITING_MAX ? this.taken.promise : undefined;
  }

  end(): void {
    this.ended = true;
    this.wakeReader();
  }

  async *read(): AsyncGenerator<string, void, undefined> {
    try {
      for (;;) {
        const text = this.waiting;
        this.waiting = '';
        this.free();
        if (text !== '') yield text;
        else if (this.ended) return;
        else {
          await new Promise<void>((resolve) => {
            this.wakeReader = resolve;
          });
        }
      }
    } finally {
      this.abandoned = true;
      this.free();
    }
  }

  private free(): void {
    this.taken.resolve(undefined);
    this.taken = Promise.withResolvers();
  }
}
