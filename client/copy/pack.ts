/** A file or tree of this machine as a tar archive, read by descriptor and without following links. */
import { closeSync, fstatSync, lstatSync, readSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { encodeEntry, paddingOf, type WrittenEntry } from '../../daemon/images/tar/encode.ts';
import type { TarKind } from '../../daemon/images/tar/entry.ts';
import { CliError, messageOf } from '../errors.ts';
import { at, openDirectory, openFile } from './descriptor.ts';
import type { Tally } from './tally.ts';

/** Little enough to be in the processor's cache still when it is sent. */
const PIECE = 256 * 1024;
const END = Buffer.alloc(1024);
const BILLION = 1_000_000_000n;

/** Whether an entry, and what is in it, is packed; `name` as archives have it. "below": only what is in it. */
export type Admits = (name: string, isDirectory: boolean) => 'all' | 'below' | 'none';

export interface Packing {
  /** What is copied; not followed where it is a link. */
  readonly path: string;
  /** What it is called in the archive; empty for a directory: what is in it, without itself. */
  readonly name: string;
  /** Told of bytes, and of what cannot be copied. */
  readonly tally: Pick<Tally, 'counted' | 'skipped'>;
  /** Absent: everything is packed. */
  readonly admits?: Admits;
  /** Everything is root's in the archive. */
  readonly asRoot?: boolean;
}

/** Throws CliError. A piece may be used again when the next one is asked for. */
export function* packTree(packing: Packing): Generator<Uint8Array> {
  const packer = new Packer(packing);
  yield* packer.entry(Buffer.from(packing.path), packing.name, packing.path);
  yield END;
}

class Packer {
  readonly #packing: Packing;
  readonly #piece = Buffer.allocUnsafeSlow(PIECE);
  /** Names in the archive of files with several, by device and inode. */
  readonly #links = new Map<string, string>();

  constructor(packing: Packing) {
    this.#packing = packing;
  }

  /** `name`: bytes as latin1, as in archives; `shown`: the path for messages. */
  *entry(path: Buffer, name: string, shown: string): Generator<Uint8Array> {
    const stat = attempt(shown, () => lstatSync(path, { bigint: true }));
    const admitted = name === '' ? 'all' : (this.#packing.admits?.(name, stat.isDirectory()) ?? 'all');
    if (admitted === 'none') return;
    if (stat.isDirectory()) yield* this.#directory(path, name, shown, admitted === 'all');
    else if (stat.isFile()) yield* this.#file(path, name, shown);
    else if (stat.isSymbolicLink()) {
      const target = attempt(shown, () => readlinkSync(path, { encoding: 'buffer' })).toString('latin1');
      yield* this.#header({ ...described(stat, 'symlink', name), target });
    } else if (stat.isSocket()) this.#packing.tally.skipped(shown, 'it is a socket');
    else yield* this.#header(special(stat, name));
  }

  *#directory(path: Buffer, name: string, shown: string, itself: boolean): Generator<Uint8Array> {
    const directory = attempt(shown, () => openDirectory(path));
    try {
      if (name !== '' && itself) {
        yield* this.#header(described(fstatSync(directory, { bigint: true }), 'directory', name));
      }
      const own = Buffer.from(`/proc/self/fd/${String(directory)}`);
      const entries = attempt(shown, () => readdirSync(own, { encoding: 'buffer' }));
      for (const entry of entries) {
        const below = name === '' ? entry.toString('latin1') : `${name}/${entry.toString('latin1')}`;
        yield* this.entry(at(directory, entry), below, `${shown}/${entry.toString('utf8')}`);
      }
    } finally {
      closeSync(directory);
    }
  }

  *#file(path: Buffer, name: string, shown: string): Generator<Uint8Array> {
    const open = opened(path, shown);
    const { file, stat, size } = open;
    try {
      if (stat.nlink > 1n) {
        const key = `${String(stat.dev)}:${String(stat.ino)}`;
        const former = this.#links.get(key);
        if (former !== undefined) {
          yield* this.#header({ ...described(stat, 'link', name), target: former });
          return;
        }
        this.#links.set(key, name);
      }
      yield* this.#header({ ...described(stat, 'file', name), size });
      yield* content(open, this.#piece, this.#packing.tally);
    } finally {
      closeSync(file);
    }
  }

  *#header(entry: WrittenEntry): Generator<Uint8Array> {
    yield encodeEntry(this.#packing.asRoot === true ? { ...entry, uid: 0, gid: 0 } : entry).bytes;
  }
}

/** A lone file as an archive whose length is known. */
export interface PackedFile {
  readonly length: number;
  /** Throw CliError. A piece may be used again when the next one is asked for. The file is open until their end. */
  readonly pieces: Iterable<Uint8Array>;
}

/** Undefined: it is no file. Throws CliError. */
export function packFile({ path, name, tally }: Packing): PackedFile | undefined {
  if (!attempt(path, () => lstatSync(path)).isFile()) return undefined;
  const open = opened(Buffer.from(path), path);
  const head = encodeEntry({ ...described(open.stat, 'file', name), size: open.size }).bytes;
  const pieces = function* (): Generator<Uint8Array> {
    try {
      yield head;
      yield* content(open, Buffer.allocUnsafeSlow(PIECE), tally);
      yield END;
    } finally {
      closeSync(open.file);
    }
  };
  return { length: head.length + open.size + paddingOf(open.size) + END.length, pieces: pieces() };
}

interface OpenFile {
  readonly file: number;
  readonly stat: BigIntStats;
  readonly size: number;
  readonly shown: string;
}

function opened(path: Buffer, shown: string): OpenFile {
  const file = attempt(shown, () => openFile(path));
  const stat = fstatSync(file, { bigint: true });
  if (stat.isFile()) return { file, stat, size: Number(stat.size), shown };
  closeSync(file);
  // What was a file a moment ago may be something else by now.
  throw new CliError(`${shown} was changed while it was copied`);
}

/** Exactly `size` bytes, and what fills up the last block: what is added meanwhile is left out, and what is missing is an error. */
function* content({ file, size, shown }: OpenFile, piece: Buffer, tally: Packing['tally']): Generator<Uint8Array> {
  for (let left = size; left > 0;) {
    const length = attempt(shown, () => readSync(file, piece, 0, Math.min(left, piece.length), null));
    if (length === 0) throw new CliError(`${shown} became shorter while it was copied`);
    left -= length;
    tally.counted(length);
    yield piece.subarray(0, length);
  }
  const padding = paddingOf(size);
  if (padding > 0) yield END.subarray(0, padding);
}

function described(stat: BigIntStats, kind: TarKind, name: string): WrittenEntry {
  const seconds = stat.mtimeNs / BILLION - (stat.mtimeNs % BILLION < 0n ? 1n : 0n);
  return {
    kind,
    name,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    modified: { seconds: Number(seconds), nanoseconds: Number(stat.mtimeNs - seconds * BILLION) },
  };
}

/** makedev(3): twelve bits of major and twenty of minor in the lower half, the rest in the upper. */
function special(stat: BigIntStats, name: string): WrittenEntry {
  const { rdev } = stat;
  const kind = stat.isFIFO() ? 'fifo' : stat.isBlockDevice() ? 'block-device' : 'character-device';
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return {
    ...described(stat, kind, name),
    ...(kind === 'fifo' ? {} : { major: Number(major), minor: Number(minor) }),
  };
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
