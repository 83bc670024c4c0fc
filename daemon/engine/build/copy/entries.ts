/** What was selected, as entries of an archive: so whoever hashes it and whoever copies it sees the same. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { LARGE_HOLES } from '../../../images/pack/entry-packer.ts';
import { SAME_IDS } from '../../../images/pack/id-maps.ts';
import { packTree } from '../../../images/pack/pack-tree.ts';
import type { TarConsumer, TarEntry } from '../../../images/tar/entry.ts';
import { bytesOf } from '../../files/path.ts';
import { PIECE as FULL } from '../../../images/pack/piece-writer.ts';
import type { Selected } from './select.ts';

const PIECE = 256 * 1024;
const BREATH = 8 * 1024 * 1024;
/** What a single file is called in the archive that it is for itself. */
const FILE = 'file';

export interface Entries {
  /** An archive. */
  readonly pieces: AsyncIterable<Buffer>;
  /**
   * Gives `consumer` what the archive has, each entry below a directory named from there on, without the directory
   * itself; or the one file, under the name "".
   */
  readonly through: (consumer: TarConsumer) => TarConsumer;
}

/** `hidden`: below the root of all. The pieces throw as packTree(), and the signal's reason. */
export function entriesOf({ fd, status, path }: Selected, hidden: readonly string[], signal: AbortSignal): Entries {
  const isDirectory = status.isDirectory();
  const spare: Buffer[] = [];
  const options = { ids: SAME_IDS, sparseFrom: LARGE_HOLES, spare };
  const pieces = breathing(packTree(fd, isDirectory ? '.' : FILE, options), signal, spare);
  if (!isDirectory) return { pieces, through: (consumer) => new Alone(consumer) };
  const prefix = path === '' ? '' : `${path}/`;
  const below = hidden.map(bytesOf).filter((each) => each.startsWith(prefix));
  const left = new Set(below.map((each) => each.slice(prefix.length)));
  return { pieces, through: (consumer) => new Below(consumer, left) };
}

/** The thread hears messages now and then, "abort" above all. Pieces are lent, and filled again where there is a `spare`. */
export async function* breathing(
  pieces: Iterable<Buffer>,
  signal: AbortSignal,
  spare?: Buffer[],
): AsyncGenerator<Buffer> {
  let breath = 0;
  for (const piece of pieces) {
    yield piece;
    if (piece.length === FULL) spare?.push(piece);
    breath += piece.length;
    if (breath < BREATH) continue;
    breath = 0;
    await setImmediate();
    signal.throwIfAborted();
  }
}

/** Of an O_PATH descriptor of a regular file; pieces are lent. */
export function* readFile(fd: number): Generator<Buffer> {
  const file = openSync(`/proc/self/fd/${String(fd)}`, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const piece = Buffer.allocUnsafeSlow(PIECE);
    for (;;) {
      const length = readSync(file, piece);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

/** Passes over the directory itself and what is hidden. */
class Below implements TarConsumer {
  private readonly inner: TarConsumer;
  private readonly hidden: ReadonlySet<string>;
  private passes = false;

  constructor(inner: TarConsumer, hidden: ReadonlySet<string>) {
    this.inner = inner;
    this.hidden = hidden;
  }

  begin(entry: TarEntry): void {
    const name = belowTop(entry.name);
    this.passes = name !== '' && !this.hidden.has(name);
    if (!this.passes) return;
    const target = entry.kind === 'link' ? belowTop(entry.target) : entry.target;
    this.inner.begin({ ...entry, name, target });
  }

  data(piece: Buffer, offset: number): void {
    if (this.passes) this.inner.data(piece, offset);
  }

  end(): void {
    if (this.passes) this.inner.end();
  }
}

class Alone implements TarConsumer {
  private readonly inner: TarConsumer;

  constructor(inner: TarConsumer) {
    this.inner = inner;
  }

  begin(entry: TarEntry): void {
    this.inner.begin({ ...entry, name: '' });
  }

  data(piece: Buffer, offset: number): void {
    this.inner.data(piece, offset);
  }

  end(): void {
    this.inner.end();
  }
}

/** Of "./a/b" and "./a/b/": "a/b". */
function belowTop(name: string): string {
  return name.replace(/^\.\/?/, '').replace(/\/+$/, '');
}
