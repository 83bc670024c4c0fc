/** Extended headers: records "LENGTH KEY=VALUE\n", POSIX.1-2001 pax, "pax Header Block"; their sparse maps are GNU's. */
import type { Timestamp } from '../../../native-bindings/utimensat.ts';
import { shown } from '../errors.ts';
import { malformed } from './malformed.ts';

const XATTR = 'SCHILY.xattr.';
const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;
/** "1048576 " and no longer: no header is larger (reader.ts). */
const LENGTH_DIGITS = 8;

/** What the records say; undefined is what they do not. */
export interface PaxRecords {
  readonly name: string | undefined;
  readonly target: string | undefined;
  readonly size: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly modified: Timestamp | undefined;
  readonly accessed: Timestamp | undefined;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  readonly sparse: PaxSparse | undefined;
}

/** GNU's three ways (the manual of GNU tar, "Storing Sparse Files"): `map` is of 0.0 and 0.1; 1.0 has it in the data. */
export interface PaxSparse {
  readonly size: number;
  readonly map: readonly number[] | 'in the data';
}

function wholeNumber(key: string, value: string): number {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(number)) throw malformed(`the record ${shown(key)} is not a number`);
  return number;
}

/** "-1.25" is a quarter of a second before -1: seconds -2 and 750,000,000 ns. */
function timestamp(key: string, value: string): Timestamp {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d{1,16})(?:\.(\d*))?$/.exec(value) ?? [];
  const seconds = Number(whole);
  if (whole === '' || !Number.isSafeInteger(seconds)) throw malformed(`the record ${shown(key)} is not a time`);
  const nanoseconds = Number(fraction.padEnd(9, '0').slice(0, 9));
  if (sign !== '-') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** Each record in turn. Throws where a length lies. */
function* recordsOf(bytes: Buffer): Generator<readonly [key: string, value: Buffer]> {
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(SPACE, at);
    const digits = bytes.toString('latin1', at, Math.min(space, at + LENGTH_DIGITS));
    const end = at + (/^\d+$/.test(digits) ? Number(digits) : 0);
    if (space === -1 || end <= space || end > bytes.length || bytes[end - 1] !== NEWLINE) {
      throw malformed('a record of an extended header is not as long as it says');
    }
    const equals = bytes.indexOf(EQUALS, space);
    if (equals === -1 || equals >= end || equals === space + 1) {
      throw malformed('a record of an extended header has no key');
    }
    yield [bytes.toString('latin1', space + 1, equals), bytes.subarray(equals + 1, end - 1)];
    at = end;
  }
}

interface Collected {
  readonly values: Map<string, string>;
  readonly xattrs: Map<string, Buffer>;
  /** Offsets and lengths in turn, of sparse 0.0. */
  readonly pairs: number[];
}

function collect(bytes: Buffer): Collected {
  const found: Collected = { values: new Map(), xattrs: new Map(), pairs: [] };
  for (const [key, value] of recordsOf(bytes)) {
    if (key.includes('\0')) throw malformed('a key of an extended header holds a NUL');
    if (key.startsWith(XATTR)) {
      found.xattrs.set(key.slice(XATTR.length), Buffer.from(value));
      continue;
    }
    const text = value.toString('latin1');
    if (text.includes('\0')) throw malformed(`the record ${shown(key)} holds a NUL`);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
      const isOffset = key === 'GNU.sparse.offset';
      if ((found.pairs.length % 2 === 0) !== isOffset) throw malformed('a sparse map is out of order');
      found.pairs.push(wholeNumber(key, text));
    } else found.values.set(key, text);
  }
  return found;
}

function sparse({ values, pairs }: Collected): PaxSparse | undefined {
  const version = `${values.get('GNU.sparse.major') ?? '0'}.${values.get('GNU.sparse.minor') ?? ''}`;
  const size = values.get('GNU.sparse.realsize') ?? values.get('GNU.sparse.size');
  if (version === '1.0' && size !== undefined) {
    return { size: wholeNumber('GNU.sparse.realsize', size), map: 'in the data' };
  }
  const map = values.get('GNU.sparse.map');
  if (size === undefined) {
    if (map !== undefined || pairs.length > 0) throw malformed('a sparse map has no size');
    return undefined;
  }
  const numbers =
    map === undefined || map === '' ? pairs : map.split(',').map((each) => wholeNumber('GNU.sparse.map', each));
  return { size: wholeNumber('GNU.sparse.size', size), map: numbers };
}

/** The records of one extended header. An empty value takes a record back (pax), but is a value of an attribute. */
export function decodePax(bytes: Buffer): PaxRecords {
  const found = collect(bytes);
  const of = <T>(key: string, read: (key: string, value: string) => T): T | undefined => {
    const value = found.values.get(key);
    return value === undefined || value === '' ? undefined : read(key, value);
  };
  const plain = (_key: string, value: string): string => value;
  return {
    name: of('GNU.sparse.name', plain) ?? of('path', plain),
    target: of('linkpath', plain),
    size: of('size', wholeNumber),
    uid: of('uid', wholeNumber),
    gid: of('gid', wholeNumber),
    modified: of('mtime', timestamp),
    accessed: of('atime', timestamp),
    xattrs: found.xattrs,
    sparse: sparse(found),
  };
}
