/** What a command was given on its command line, by the names of its table of flags: the part that `tare` and `tare-oci` share. */

/** Getters throw for a name that is not in the table: that is a mistake of ours. */
export class Given<F extends { readonly name: string }> {
  readonly operands: readonly string[];
  protected readonly values: ReadonlyMap<string, readonly string[]>;
  protected readonly flags: readonly F[];

  constructor(flags: readonly F[], values: ReadonlyMap<string, readonly string[]>, operands: readonly string[]) {
    this.flags = flags;
    this.values = values;
    this.operands = operands;
  }

  has(name: string): boolean {
    return this.list(name).length > 0;
  }

  /** The last one wins. Absent is false. */
  boolean(name: string): boolean {
    return this.string(name) === 'true';
  }

  /** The last one wins. */
  string(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  list(name: string): readonly string[] {
    if (!this.flags.some((flag) => flag.name === name)) throw new Error(`no flag is called ${name}`);
    return this.values.get(name) ?? [];
  }
}

/** Undefined where `count` operands are allowed, else what is expected: "at least 1 argument". */
export function operandsExpected(
  { min, max }: { readonly min: number; readonly max?: number | undefined },
  count: number,
): string | undefined {
  if (count >= min && (max === undefined || count <= max)) return undefined;
  const few = count < min;
  const wanted = few ? min : (max ?? min);
  const words = wanted === 0 ? 'no arguments' : `${String(wanted)} argument${wanted === 1 ? '' : 's'}`;
  const bound = wanted === 0 || min === max ? '' : few ? 'at least ' : 'at most ';
  return `${bound}${words}`;
}
