/** What `cp` tells while it works and at its end, on stderr. */
import { size } from '../format/size.ts';

/** Milliseconds between two pictures. */
const FRAME = 100;

export class Tally {
  readonly #what: string;
  readonly #quiet: boolean;
  readonly #live: boolean;
  #bytes = 0;
  #skipped = 0;
  #drawnAt = 0;

  /** `what`: "from web:/etc to /tmp/etc". */
  constructor(what: string, quiet: boolean) {
    this.#what = what;
    this.#quiet = quiet;
    this.#live = !quiet && process.stderr.isTTY;
  }

  readonly counted = (bytes: number): void => {
    this.#bytes += bytes;
    if (!this.#live) return;
    const now = Date.now();
    if (now - this.#drawnAt < FRAME) return;
    this.#drawnAt = now;
    process.stderr.write(
      `\r${`Copying ${this.#what} - ${size(this.#bytes)}`.slice(0, process.stderr.columns - 1)}\u001b[K`,
    );
  };

  readonly skipped = (path: string, why: string): void => {
    this.#skipped += 1;
    this.clear();
    process.stderr.write(`tare: left out ${path}: ${why}\n`);
  };

  /** The line of the terminal is empty again. */
  readonly clear = (): void => {
    if (this.#live && this.#drawnAt > 0) process.stderr.write('\r\u001b[K');
  };

  /** Whether all there was has been copied. */
  end(): boolean {
    this.clear();
    if (!this.#quiet) process.stderr.write(`Copied ${size(this.#bytes)} ${this.#what}\n`);
    return this.#skipped === 0;
  }
}
