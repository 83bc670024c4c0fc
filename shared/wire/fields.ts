/**
 * Records of typed fields in binary: the one encoding that both the launch plan (daemon/runtime/plan)
 * and the shim's messages (daemon/shim) use. The C side of it is native-bindings/shim/wire.c.
 *
 * | kind  | bytes                                                                    |
 * |-------|--------------------------------------------------------------------------|
 * | u64   | 8, little-endian                                                         |
 * | i64   | 8, little-endian, two's complement                                       |
 * | str   | u32 length, that many bytes of UTF-8 without NUL, one NUL (not counted)   |
 * | bytes | u32 length, that many bytes                                              |
 * | strs  | u32 count, that many str                                                 |
 * | u64s  | u32 count, that many u64                                                 |
 *
 * Fields stand one after the other in the order of their table, without padding.
 */

export interface FieldValue {
  u64: number | bigint;
  i64: number | bigint;
  str: string;
  bytes: Uint8Array;
  strs: readonly string[];
  u64s: readonly (number | bigint)[];
}

export type FieldKind = keyof FieldValue;

export type Fields = Readonly<Record<string, FieldKind>>;

export type ValuesOf<F extends Fields> = { -readonly [K in keyof F]: FieldValue[F[K]] };

/** What the other side sent is not a record of these fields; `message` says where it stops being one. */
export class MalformedRecord extends Error {
  override name = 'MalformedRecord';
}

/** A value that cannot be put into its field (NUL in a string, an integer out of range). */
export class UnencodableValue extends Error {
  override name = 'UnencodableValue';
}

const U64_MAX = (1n << 64n) - 1n;
const I64_MIN = -(1n << 63n);
const I64_MAX = (1n << 63n) - 1n;

/** Put together only where a message is to name it: a plan has hundreds. */
interface Place {
  readonly name: string;
  readonly field: string;
}

function unencodable({ name, field }: Place, problem: string): UnencodableValue {
  return new UnencodableValue(`${name}.${field}: ${problem}`);
}

/** By table: there are few of those, and many records. */
const ENTRIES = new WeakMap<Fields, readonly (readonly [string, FieldKind])[]>();

function entriesOf(fields: Fields): readonly (readonly [string, FieldKind])[] {
  const known = ENTRIES.get(fields) ?? Object.entries(fields);
  ENTRIES.set(fields, known);
  return known;
}

/** Grows as it is written to; `take` gives what was written. */
export class RecordWriter {
  private buffer: Buffer;
  private used = 0;

  /** `room`: bytes that it most likely needs. */
  constructor(room = 1024) {
    this.buffer = Buffer.allocUnsafe(room);
  }

  private reserve(count: number): number {
    const at = this.used;
    this.used += count;
    if (this.used > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.used, this.buffer.length * 2));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    return at;
  }

  get length(): number {
    return this.used;
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.buffer.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.buffer.writeUInt32LE(value, at);
  }

  /** Overwrites four bytes written earlier (a length that was not known then). */
  patchU32(at: number, value: number): void {
    this.buffer.writeUInt32LE(value, at);
  }

  private u64(value: number | bigint, at: Place): void {
    const to = this.reserve(8);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
      this.buffer.writeUInt32LE(value % 0x1_0000_0000, to);
      this.buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), to + 4);
      return;
    }
    if (typeof value !== 'bigint' || value < 0n || value > U64_MAX) {
      throw unencodable(at, `${String(value)} is not an unsigned 64-bit integer`);
    }
    this.buffer.writeBigUInt64LE(value, to);
  }

  private i64(value: number | bigint, at: Place): void {
    const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
    const wide = isWhole ? BigInt(value) : undefined;
    if (wide === undefined || wide < I64_MIN || wide > I64_MAX) {
      throw unencodable(at, `${String(value)} is not a 64-bit integer`);
    }
    const to = this.reserve(8); // before `buffer` is looked at: it may be another one afterwards
    this.buffer.writeBigInt64LE(wide, to);
  }

  private str(value: string, at: Place): void {
    if (value.includes('\0')) throw unencodable(at, 'contains a NUL byte');
    const size = Buffer.byteLength(value);
    this.u32(size);
    const to = this.reserve(size + 1);
    this.buffer.write(value, to, 'utf8');
    this.buffer[to + size] = 0;
  }

  private bytes(value: Uint8Array): void {
    this.u32(value.length);
    const at = this.reserve(value.length);
    this.buffer.set(value, at);
  }

  /** Throws UnencodableValue, naming `name` and the field. */
  record<F extends Fields>(fields: F, values: ValuesOf<F>, name: string): void {
    for (const [field, kind] of entriesOf(fields)) {
      this.field(kind, (values as Record<string, unknown>)[field], { name, field });
    }
  }

  private field(kind: FieldKind, value: unknown, at: Place): void {
    switch (kind) {
      case 'u64':
        this.u64(value as number | bigint, at);
        return;
      case 'i64':
        this.i64(value as number | bigint, at);
        return;
      case 'str':
        this.str(value as string, at);
        return;
      case 'bytes':
        this.bytes(value as Uint8Array);
        return;
      case 'strs': {
        const list = value as readonly string[];
        this.u32(list.length);
        for (const item of list) this.str(item, at);
        return;
      }
      case 'u64s': {
        const list = value as readonly (number | bigint)[];
        this.u32(list.length);
        for (const item of list) this.u64(item, at);
        return;
      }
    }
  }

  /** A view of what was written; the writer is not to be used after it. */
  take(): Buffer {
    return this.buffer.subarray(0, this.used);
  }
}

/** Reads a record; every length is checked against what is left before it is believed. */
export class RecordReader {
  private readonly buffer: Buffer;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.buffer.length - this.at;
  }

  private advance(count: number): number {
    if (count > this.left) {
      throw new MalformedRecord(`${String(count)} bytes expected at ${String(this.at)}, ${String(this.left)} left`);
    }
    const at = this.at;
    this.at += count;
    return at;
  }

  u16(): number {
    return this.buffer.readUInt16LE(this.advance(2));
  }

  u32(): number {
    return this.buffer.readUInt32LE(this.advance(4));
  }

  /** A number where it is safe, a bigint beyond 2^53. */
  u64(): number | bigint {
    const value = this.buffer.readBigUInt64LE(this.advance(8));
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  i64(): number | bigint {
    const value = this.buffer.readBigInt64LE(this.advance(8));
    const narrow = Number(value);
    return Number.isSafeInteger(narrow) ? narrow : value;
  }

  str(): string {
    const size = this.u32();
    const at = this.advance(size + 1);
    if (this.buffer[at + size] !== 0) throw new MalformedRecord(`string at ${String(at)} lacks its NUL`);
    return this.buffer.toString('utf8', at, at + size);
  }

  /** A view into the input, not a copy. */
  bytes(): Buffer {
    const size = this.u32();
    const at = this.advance(size);
    return this.buffer.subarray(at, at + size);
  }

  record<F extends Fields>(fields: F): ValuesOf<F> {
    const values: Record<string, unknown> = {};
    for (const [field, kind] of Object.entries(fields)) values[field] = this.field(kind);
    return values as ValuesOf<F>;
  }

  private field(kind: FieldKind): unknown {
    switch (kind) {
      case 'strs':
        return this.list(5, () => this.str());
      case 'u64s':
        return this.list(8, () => this.u64());
      default:
        return this[kind]();
    }
  }

  private list<T>(smallest: number, read: () => T): T[] {
    const count = this.u32();
    if (count * smallest > this.left)
      throw new MalformedRecord(`a list of ${String(count)} does not fit in ${String(this.left)} bytes`);
    return Array.from({ length: count }, read);
  }

  end(): void {
    if (this.left !== 0) throw new MalformedRecord(`${String(this.left)} bytes after the last field`);
  }
}
