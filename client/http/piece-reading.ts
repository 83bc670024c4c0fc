/** The pieces of a body on their way to whoever takes them: one after the other, and the socket waits for the slow. */
import type { Connection } from './connection.ts';

/** Gives a promise where the next piece has to wait for it. */
export type PieceTaker = (piece: Buffer) => Promise<void> | undefined;

export class PieceReading {
  readonly #connection: Connection;
  #taker: PieceTaker | undefined;
  /** The pieces that are not taken yet, one behind the other. */
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failure: { error: unknown } | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  begin(open: () => PieceTaker): void {
    try {
      this.#taker = open();
    } catch (error) {
      this.#fail(error);
    }
  }

  take(piece: Buffer): void {
    const taker = this.#taker;
    if (taker === undefined || this.#failure !== undefined) return;
    try {
      // Several pieces may come of one read of the socket, after it was told to wait.
      const taken =
        this.#waiting === 0
          ? taker(piece)
          : this.#work.then(() => (this.#failure === undefined ? taker(piece) : undefined));
      if (taken !== undefined) this.#wait(taken);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Resolves when all is taken; throws what a taker threw. */
  async end(): Promise<void> {
    await this.#work;
    if (this.#failure !== undefined) throw this.#failure.error as Error;
  }

  #wait(taken: Promise<void>): void {
    this.#connection.pause();
    this.#waiting += 1;
    this.#work = taken.then(
      () => {
        this.#waiting -= 1;
        if (this.#waiting === 0) this.#connection.resume();
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  /** Nothing more of the body is wanted. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#connection.close();
  }
}
