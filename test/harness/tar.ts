/** Writes tar archives of any kind, the hostile ones too: each block is as it is asked for, and lies where it is told to. */

const BLOCK = 512;

export interface Member {
  readonly name: string | Buffer;
  /** The type flag; "0", a file, where absent. */
  readonly type?: string;
  readonly target?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  readonly data?: Buffer | string;
  /** What the header says; the data's length where absent. */
  readonly size?: number;
  /** Bytes to be put at places of the header after all else, before the checksum is made. */
  readonly patch?: Readonly<Record<number, Buffer | string>>;
  /** A checksum that is wrong by so much. */
  readonly checksumOff?: number;
  /** Records of an extended header before it; a name or target that is too long for the header comes by itself. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
}

function bytes(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

/** Octal with a NUL, or base 256 where it does not fit. */
function number(value: number, length: number): Buffer {
  const octal = value >= 0 ? value.toString(8).padStart(length - 1, '0') : '';
  if (octal !== '' && octal.length < length) return Buffer.from(`${octal}\0`);
  const field = Buffer.alloc(length);
  let rest = BigInt.asUintN(8 * length, BigInt(value));
  for (let at = length - 1; at >= 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = value < 0 ? 0xff : (field[0] ?? 0) | 0x80;
  return field;
}

export function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

/** The checksum of a header block, put in its place. */
export function sealed(block: Buffer, off = 0): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0) + off;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

export function header(member: Member): Buffer {
  const { type = '0', mode = 0o644, uid = 0, gid = 0, mtime = 1_000_000_000, major = 0, minor = 0 } = member;
  const block = Buffer.alloc(BLOCK);
  bytes(member.name).copy(block, 0, 0, 100);
  number(mode, 8).copy(block, 100);
  number(uid, 8).copy(block, 108);
  number(gid, 8).copy(block, 116);
  number(member.size ?? bytes(member.data ?? '').length, 12).copy(block, 124);
  number(mtime, 12).copy(block, 136);
  block.write(type, 156, 'latin1');
  bytes(member.target ?? '').copy(block, 157, 0, 100);
  block.write('ustar\x0000', 257, 'latin1');
  number(major, 8).copy(block, 329);
  number(minor, 8).copy(block, 337);
  for (const [at, patch] of Object.entries(member.patch ?? {})) bytes(patch).copy(block, Number(at));
  return sealed(block, member.checksumOff);
}

/** "27 path=…\n": the length counts its own digits. */
export function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), bytes(value), Buffer.from('\n')]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** A member that carries bytes for the reader: an extended header ("x", "g") or a long name ("L", "K"). */
export function extension(type: string, data: Buffer): Buffer {
  return Buffer.concat([header({ name: 'extension', type, data }), padded(data)]);
}

export function member(entry: Member): Buffer {
  const parts: Buffer[] = [];
  const records = Object.entries(entry.pax ?? {}).map(([key, value]) => record(key, value));
  if (bytes(entry.name).length > 100) records.push(record('path', entry.name));
  if (bytes(entry.target ?? '').length > 100) records.push(record('linkpath', entry.target ?? ''));
  if (records.length > 0) parts.push(extension('x', Buffer.concat(records)));
  parts.push(header(entry), padded(bytes(entry.data ?? '')));
  return Buffer.concat(parts);
}

export const END = Buffer.alloc(2 * BLOCK);

/** A whole archive. Buffers are put in as they are. */
export function tar(...members: readonly (Member | Buffer)[]): Buffer {
  return Buffer.concat([...members.map((each) => (Buffer.isBuffer(each) ? each : member(each))), END]);
}

export const directory = (name: string, more: Partial<Member> = {}): Member => ({
  ...{ name, type: '5', mode: 0o755 },
  ...more,
});
export const file = (name: string | Buffer, data: string | Buffer = '', more: Partial<Member> = {}): Member => ({
  name,
  data,
  ...more,
});
export const symlink = (name: string, target: string, more: Partial<Member> = {}): Member => ({
  ...{ name, target, type: '2', mode: 0o777 },
  ...more,
});
export const hardlink = (name: string, target: string, more: Partial<Member> = {}): Member => ({
  ...{ name, target, type: '1' },
  ...more,
});
