/**
 * What stands before an entry's bytes in an archive: a ustar header (POSIX.1-1988), and before it a pax extended header
 * (POSIX.1-2001) where ustar cannot say all of it: long names and targets, sizes from 8 GiB and ids from 2^21 on, times
 * with a fraction or before 1970, extended attributes as "SCHILY.xattr.", sparse files as GNU's format 1.0. Nothing in
 * it but the entry: the same entry gives the same bytes.
 */
import { ImageError, shown } from '../errors.ts';
import type { Timestamp } from '../../../native-bindings/utimensat.ts';
import type { SparsePart, TarKind } from './entry.ts';
import { BLOCK } from './header.ts';

/** An entry as it is to be written; every TarEntry is one. Names and targets are bytes, one character each (latin1). */
export interface WrittenEntry {
  readonly kind: TarKind;
  /** A directory's gets its slash at the end. */
  readonly name: string;
  /** Of link and symlink. */
  readonly target?: string;
  /** The twelve bits of permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file, holes included. */
  readonly size?: number;
  /** Of a sparse file, in order and without overlap: what of it will be written. */
  readonly parts?: readonly SparsePart[] | undefined;
  readonly modified: Timestamp;
  /** Written where it differs from `modified`. */
  readonly accessed?: Timestamp;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: ReadonlyMap<string, Buffer>;
}

export interface EncodedEntry {
  readonly bytes: Buffer;
  /** Bytes of the file that have to follow; then zeros up to a whole block. */
  readonly stored: number;
}

const TYPES: Readonly<Record<TarKind, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};
const EXTENDED = 'x';
const NAME_LENGTH = 100;
const PREFIX_LENGTH = 155;
/** Eight bytes hold seven octal digits, twelve hold eleven. */
const SHORT_MAX = 0o7777777;
const LONG_MAX = 0o77777777777;
/** The kernel's ids are 32 bits, and the last of them means "leave it". */
const LAST_ID = 0xfffffffe;
/** No reader of the field takes a longer one (Go's archive/tar, and ours). */
const LARGEST_EXTENSION = 1024 * 1024;
const BILLION = 1_000_000_000;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Zeros that fill up the last block of `size` bytes. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Whether an extended attribute of this name can be written: a record ends its key with the first "=". */
export function isWritableXattr(name: string): boolean {
  return name !== '' && !/[=\0]/.test(name);
}

function checked(entry: WrittenEntry): string {
  const { kind, target = '', uid, gid, size = 0, major = 0, minor = 0 } = entry;
  const name = kind === 'directory' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name;
  const isLink = kind === 'link' || kind === 'symlink';
  const isSound =
    entry.name !== '' &&
    (kind === 'directory' || !name.endsWith('/')) &&
    [name, target].every((text) => /^[\x01-\xff]*$/.test(text)) &&
    (target !== '') === isLink &&
    [uid, gid].every((id) => Number.isInteger(id) && id >= 0 && id <= LAST_ID) &&
    [major, minor].every((number) => Number.isInteger(number) && number >= 0 && number <= SHORT_MAX) &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    (size === 0 || kind === 'file');
  if (!isSound) throw new RangeError(`no tar archive can hold ${kind} ${JSON.stringify(shown(entry.name))} like this`);
  return name;
}

/** Where ustar parts a longer name: the prefix gets what is before the slash. Undefined: it does not fit. */
function splitName(name: string): { readonly name: string; readonly prefix: string } | undefined {
  if (name.length <= NAME_LENGTH) return { name, prefix: '' };
  // Of several slashes the last that leaves something behind it.
  const slash = name.lastIndexOf('/', Math.min(PREFIX_LENGTH, name.length - 2));
  if (slash < 1 || name.length - slash - 1 > NAME_LENGTH) return undefined;
  return { name: name.slice(slash + 1), prefix: name.slice(0, slash) };
}

/** Records are UTF-8, so other bytes stay in the header where they can. */
function isPlain(text: string): boolean {
  if (/^[\x00-\x7f]*$/.test(text)) return true;
  try {
    UTF8.decode(Buffer.from(text, 'latin1'));
    return false;
  } catch {
    return true;
  }
}

function isSame(one: Timestamp, other: Timestamp): boolean {
  return one.seconds === other.seconds && one.nanoseconds === other.nanoseconds;
}

/** "-1.25" is seconds -2 and 750,000,000 ns. */
function timeText({ seconds, nanoseconds }: Timestamp): string {
  const isNegative = seconds < 0;
  const carries = isNegative && nanoseconds > 0;
  const whole = Math.abs(carries ? seconds + 1 : seconds);
  const part = carries ? BILLION - nanoseconds : nanoseconds;
  const fraction = part === 0 ? '' : `.${String(part).padStart(9, '0').replace(/0+$/, '')}`;
  return `${isNegative ? '-' : ''}${whole}${fraction}`;
}

/** The map before a sparse file's data, GNU's format 1.0: numbers, one a line, filled up to a block. */
function sparseMap(parts: readonly SparsePart[], size: number): Buffer {
  const last = parts.at(-1);
  // GNU tar makes the hole at the end of an empty part behind it.
  const isOpen = last === undefined || last.offset + last.length < size;
  const all = isOpen ? [...parts, { offset: size, length: 0 }] : parts;
  const lines = [all.length, ...all.flatMap(({ offset, length }) => [offset, length])];
  const text = Buffer.from(`${lines.join('\n')}\n`);
  return Buffer.concat([text, Buffer.alloc(paddingOf(text.length))]);
}

function sparseStored({ name, size = 0, parts = [] }: WrittenEntry): number {
  let behind = 0;
  let stored = 0;
  for (const { offset, length } of parts) {
    if (offset < behind || length < 0 || offset + length > size) {
      throw new RangeError(`the parts of ${JSON.stringify(shown(name))} overlap or lie behind it`);
    }
    behind = offset + length;
    stored += length;
  }
  return stored;
}

/** Records of what the header cannot say; values are bytes. */
function recordsOf(entry: WrittenEntry, name: string, size: number): Map<string, Buffer> {
  const { target = '', uid, gid, modified, accessed = modified, parts, xattrs } = entry;
  const records = new Map<string, Buffer>();
  const say = (key: string, value: string | number): void => {
    records.set(key, Buffer.from(String(value), 'latin1'));
  };
  if (parts !== undefined) {
    say('GNU.sparse.major', 1);
    say('GNU.sparse.minor', 0);
    say('GNU.sparse.name', name);
    say('GNU.sparse.realsize', entry.size ?? 0);
  } else if (splitName(name) === undefined || !isPlain(name)) say('path', name);
  if (target.length > NAME_LENGTH || !isPlain(target)) say('linkpath', target);
  if (size > LONG_MAX) say('size', size);
  if (uid > SHORT_MAX) say('uid', uid);
  if (gid > SHORT_MAX) say('gid', gid);
  const isWhole = modified.nanoseconds === 0 && modified.seconds >= 0 && modified.seconds <= LONG_MAX;
  if (!isWhole) say('mtime', timeText(modified));
  if (!isSame(accessed, modified)) say('atime', timeText(accessed));
  for (const [key, value] of xattrs ?? []) {
    if (!isWritableXattr(key)) throw new RangeError(`no tar archive can hold the attribute ${shown(key)}`);
    records.set(`SCHILY.xattr.${key}`, value);
  }
  return records;
}

/** A record begins with its own length, digits included. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key, 'latin1') + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`, 'latin1'), value, Buffer.from('\n')]);
}

interface Block {
  readonly type: string;
  readonly name: string;
  readonly prefix?: string;
  readonly target?: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size: number;
  readonly seconds?: number;
  readonly major?: number;
  readonly minor?: number;
}

/** What does not fit is 0 or cut off: a record says it. */
function encodeBlock(block: Block): Buffer {
  const { type, name, prefix = '', target = '', mode, uid = 0, gid = 0, size, seconds = 0 } = block;
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): void => {
    const fits = value >= 0 && value < 8 ** digits;
    bytes.write((fits ? value : 0).toString(8).padStart(digits, '0'), at, 'latin1');
  };
  bytes.write(name, 0, NAME_LENGTH, 'latin1');
  octal(mode & 0o7777, 100, 7);
  octal(uid, 108, 7);
  octal(gid, 116, 7);
  octal(size, 124, 11);
  octal(seconds, 136, 11);
  bytes.fill(' ', 148, 156);
  bytes.write(type, 156, 'latin1');
  bytes.write(target, 157, NAME_LENGTH, 'latin1');
  bytes.write('ustar\x0000', 257, 'latin1');
  octal(block.major ?? 0, 329, 7);
  octal(block.minor ?? 0, 337, 7);
  bytes.write(prefix, 345, PREFIX_LENGTH, 'latin1');
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

function extendedHeader(name: string, records: ReadonlyMap<string, Buffer>): Buffer[] {
  if (records.size === 0) return [];
  const sorted = [...records].sort(([one], [other]) => (one < other ? -1 : 1));
  const content = Buffer.concat(sorted.map(([key, value]) => record(key, value)));
  if (content.length > LARGEST_EXTENSION) {
    throw new ImageError('too_large', `the name and attributes of ${shown(name)} are more than a tar archive holds`);
  }
  const base = name.split('/').findLast((part) => part !== '') ?? '';
  const header = encodeBlock({
    type: EXTENDED,
    name: `PaxHeaders.0/${base}`.slice(0, NAME_LENGTH),
    mode: 0o644,
    size: content.length,
  });
  return [header, content, Buffer.alloc(paddingOf(content.length))];
}

/** Throws RangeError for what no archive can hold, ImageError too_large for more of names and attributes than one may. */
export function encodeEntry(entry: WrittenEntry): EncodedEntry {
  const name = checked(entry);
  const { kind, target = '', modified, parts } = entry;
  const map = parts === undefined ? undefined : sparseMap(parts, entry.size ?? 0);
  const stored = map === undefined ? (entry.size ?? 0) : sparseStored(entry);
  const size = stored + (map?.length ?? 0);
  const records = recordsOf(entry, name, size);
  const block = encodeBlock({
    type: TYPES[kind],
    ...(splitName(name) ?? { name: name.slice(0, NAME_LENGTH), prefix: '' }),
    target: target.slice(0, NAME_LENGTH),
    ...{ mode: entry.mode, uid: entry.uid, gid: entry.gid, size },
    seconds: modified.seconds,
    ...{ major: entry.major ?? 0, minor: entry.minor ?? 0 },
  });
  return {
    bytes: Buffer.concat([...extendedHeader(name, records), block, ...(map === undefined ? [] : [map])]),
    stored,
  };
}
