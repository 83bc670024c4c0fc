/** The jobs of a thread that works on containers' files, done in the thread that calls. */
import { closeSync } from 'node:fs';
import type { PathStat } from '../../../shared/api/files.ts';
import { formatTime } from '../../../shared/time.ts';
import { shown } from '../../images/errors.ts';
import { FileError } from '../../images/pack/file-error.ts';
import { EVERY_HOLE, LARGE_HOLES, kindOf } from '../../images/pack/entry-packer.ts';
import { packTree } from '../../images/pack/pack-tree.ts';
import { type OpenPath, bytesOf, lastName, namesDirectory, openPath, whereLeads } from './path.ts';
import type { Job } from './jobs.ts';
import { type View, openView } from './view.ts';

const KINDS: Readonly<Record<ReturnType<typeof kindOf>, PathStat['kind']>> = {
  file: 'file',
  directory: 'directory',
  symlink: 'link',
  link: 'file',
  fifo: 'fifo',
  'character-device': 'device',
  'block-device': 'device',
  socket: 'socket',
};

/** 0001-01-01 and 9999-12-31: file systems know years that texts do not. */
const [FIRST, LAST] = [-62_135_596_800_000_000_000n, 253_402_300_799_999_999_999n];

function timeOf(nanoseconds: bigint): string {
  return formatTime(nanoseconds < FIRST ? FIRST : nanoseconds > LAST ? LAST : nanoseconds);
}

function statOf(view: View, path: string, { status }: OpenPath): PathStat {
  const target = status.isSymbolicLink() ? whereLeads(view, path) : undefined;
  return {
    name: lastName(path),
    kind: KINDS[kindOf(status)],
    ...(status.isCharacterDevice() ? { device: 'character' } : status.isBlockDevice() ? { device: 'block' } : {}),
    size: Number(status.size),
    mode: Number(status.mode & 0o7777n),
    modifiedAt: timeOf(status.mtimeNs),
    ...(target === undefined ? {} : { linkTarget: target }),
  };
}

/** Throws FileError. */
function lookedAt(view: View, path: string, follow: boolean): OpenPath & { readonly stat: PathStat } {
  const found = openPath(view, path, { follow });
  try {
    if (namesDirectory(path) && !found.status.isDirectory()) {
      throw new FileError('not_a_directory', `${shown(path)} is not a directory`);
    }
    return { ...found, stat: statOf(view, path, found) };
  } catch (error) {
    closeSync(found.fd);
    throw error;
  }
}

export function statJob({ view: source, query }: Job & { do: 'stat' }): PathStat {
  const view = openView(source, 'read');
  try {
    const { fd, stat } = lookedAt(view, query.path, query.follow === true);
    closeSync(fd);
    return stat;
  } finally {
    view.close();
  }
}

/** Yields the archive; `begun` is told once what is asked for is there. */
export function* archiveJob(
  { view: source, query }: Job & { do: 'archive' },
  begun: (stat: PathStat) => void,
  spare: Buffer[],
): Generator<Buffer> {
  const view = openView(source, 'read');
  try {
    const { fd, stat } = lookedAt(view, query.path, query.follow === true);
    try {
      if (stat.kind === 'socket')
        throw new FileError('unsupported', `${shown(query.path)} is a socket, which no archive holds`);
      begun(stat);
      yield* packTree(fd, bytesOf(stat.name), { ids: source.ids, sparseFrom: EVERY_HOLE, spare });
    } finally {
      closeSync(fd);
    }
  } finally {
    view.close();
  }
}

export function* exportJob(
  { view: source }: Job & { do: 'export' },
  begun: () => void,
  spare: Buffer[],
): Generator<Buffer> {
  const view = openView(source, 'root');
  try {
    begun();
    yield* packTree(view.root, '.', { ids: source.ids, sparseFrom: LARGE_HOLES, spare });
  } finally {
    view.close();
  }
}
