/** The sequence of keys that lets go of a session. Written as docker does: "ctrl-p,ctrl-q", "a", "ctrl-[", "DEL". */

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

const CONTROL = '@abcdefghijklmnopqrstuvwxyz[\\]^_';
const DELETE = 0x7f;

export class InvalidDetachKeys extends Error {
  override name = 'InvalidDetachKeys';
  /** What is no key; as it came, so not to be shown unescaped. */
  readonly key: string;

  constructor(key: string) {
    super('a detach key is a single character, ctrl- and a letter or one of @[\\]^_, or DEL');
    this.key = key;
  }
}

/** Bytes of the sequence; empty text is none at all. Throws InvalidDetachKeys. */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(',').map((key) => {
    if (key.length === 1 && key.charCodeAt(0) < 0x80) return key.charCodeAt(0);
    if (key === 'DEL') return DELETE;
    const letter = /^ctrl-(.)$/i.exec(key)?.[1]?.toLowerCase();
    const code = letter === undefined ? -1 : CONTROL.indexOf(letter);
    if (code === -1) throw new InvalidDetachKeys(key);
    return code;
  });
}

/**
 * Watches what is typed. Keys that may begin the sequence are withheld; when it breaks they are passed on.
 * `release` passes them on early, so that a lone ctrl-p arrives although nothing follows it; the sequence still
 * counts as begun.
 */
export class DetachKeys {
  readonly #sequence: readonly number[];
  /** How many keys of the sequence have been seen. */
  #matched = 0;
  /** How many of those have been passed on already. */
  #released = 0;

  constructor(sequence: readonly number[]) {
    this.#sequence = sequence;
  }

  /** Keys are withheld. */
  get pending(): boolean {
    return this.#matched > this.#released;
  }

  /** What is to be passed on, and whether the sequence is complete; what follows it is dropped. */
  feed(bytes: Buffer): { forward: Buffer; detached: boolean } {
    if (this.#sequence.length === 0) return { forward: bytes, detached: false };
    if (this.#matched === 0 && !bytes.includes(this.#sequence[0] ?? -1)) return { forward: bytes, detached: false };
    const forward: number[] = [];
    for (const byte of bytes) {
      // Seen so far plus this byte: the longest end of it that begins the sequence is kept, the rest goes on.
      const seen = [...this.#sequence.slice(0, this.#matched), byte];
      let keep = seen.length;
      while (keep > 0 && !this.#startsWith(seen.slice(seen.length - keep))) keep -= 1;
      const leaving = seen.length - keep;
      forward.push(...seen.slice(Math.min(this.#released, leaving), leaving));
      this.#released = Math.max(0, this.#released - leaving);
      this.#matched = keep;
      if (keep === this.#sequence.length) {
        this.#matched = 0;
        this.#released = 0;
        return { forward: Buffer.from(forward), detached: true };
      }
    }
    return { forward: Buffer.from(forward), detached: false };
  }

  /** The keys withheld so far. */
  release(): Buffer {
    const keys = Buffer.from(this.#sequence.slice(this.#released, this.#matched));
    this.#released = this.#matched;
    return keys;
  }

  #startsWith(keys: readonly number[]): boolean {
    return keys.every((key, index) => key === this.#sequence[index]);
  }
}
