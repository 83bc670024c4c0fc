/** `cp SOURCE CONTAINER:PATH`: where in the container it goes. */
import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import { posix, resolve } from 'node:path';
import type { PathStat } from '../../shared/api/files.ts';
import { CliError, errnoOf, messageOf } from '../errors.ts';
import type { Daemon } from '../http/daemon.ts';
import { containerPath } from '../targets.ts';
import { pathStatOf } from './from-container.ts';
import { endsAsDirectory, meansContents, nameOf } from './place.ts';

/** As the kernel bounds it (path_resolution(7)). */
const LINKS_MAX = 40;

export interface LocalSource {
  /** Not followed any more. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Its own name, before links were followed. */
  readonly name: string;
  readonly contents: boolean;
}

/** A link is followed where `follow` says so, or its path ends with a slash. Throws CliError. */
export function localSource(given: string, follow: boolean): LocalSource {
  const path = resolve(given);
  const through = follow || endsAsDirectory(given);
  const stat = attempt(given, () => (through ? statSync(path) : lstatSync(path)));
  if (endsAsDirectory(given) && !stat.isDirectory()) throw new CliError(`${given} is no directory`);
  const real = through ? attempt(given, () => realpathSync(path)) : path;
  return {
    path: real,
    isDirectory: stat.isDirectory(),
    name: nameOf(path),
    contents: stat.isDirectory() && (meansContents(given) || path === '/'),
  };
}

function attempt<T extends Stats | string>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'it is not there' : messageOf(error);
    throw new CliError(`cannot copy ${path}: ${why}`, { cause: error });
  }
}

export interface ContainerTarget {
  /** The directory in the container that the archive is unpacked into. */
  readonly directory: string;
  /** What the source is called there; empty: what is in it. */
  readonly name: string;
}

/** Docker's rules. Throws CliError and ProblemError. */
export async function containerTarget(
  source: Pick<LocalSource, 'isDirectory' | 'name' | 'contents'>,
  destination: { readonly ref: string; readonly path: string },
  daemon: Daemon,
): Promise<ContainerTarget> {
  const given = posix.join('/', destination.path);
  const { path, stat } = await followed(given.replace(/(.)\/+$/, '$1'), destination.ref, daemon);
  if (stat?.kind === 'directory') return { directory: path, name: source.contents ? '' : source.name };
  if (stat !== undefined && source.isDirectory) {
    throw new CliError(`cannot copy a directory onto ${destination.ref}:${destination.path}, which is none`);
  }
  if (endsAsDirectory(destination.path) && (stat !== undefined || !source.isDirectory)) {
    throw new CliError(
      `${destination.ref}:${destination.path} is ${stat === undefined ? 'not there' : 'no directory'}`,
    );
  }
  return { directory: posix.dirname(path), name: posix.basename(path) };
}

/** The container itself resolves all but the last part, inside its root; a link there is followed as far as it leads. */
async function followed(
  path: string,
  ref: string,
  daemon: Daemon,
): Promise<{ path: string; stat: PathStat | undefined }> {
  let at = path;
  for (let links = 0; links < LINKS_MAX; links++) {
    const stat = await statOf(at, ref, daemon);
    if (stat?.kind !== 'link' || stat.linkTarget === undefined) return { path: at, stat };
    at = posix.resolve(posix.dirname(at), stat.linkTarget);
  }
  throw new CliError(`${ref}:${path} is a link that leads nowhere`);
}

/** undefined where nothing is there. */
async function statOf(path: string, ref: string, daemon: Daemon): Promise<PathStat | undefined> {
  const head = await daemon.head(containerPath(ref, '/archive'), { path });
  if (head.status >= 200 && head.status < 300) return pathStatOf(head);
  if (head.status !== 404) throw new CliError(`the daemon does not show ${ref}:${path} (${String(head.status)})`);
  // Without a body it does not say whether the path or the container is missing.
  await daemon.get(containerPath(ref));
  return undefined;
}
