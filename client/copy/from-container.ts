/** `cp CONTAINER:PATH DEST`: what becomes of the archive that the daemon sends. */
import { statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TarReader } from '../../daemon/images/tar/reader.ts';
import type { PathStat } from '../../shared/api/files.ts';
import { CliError, messageOf } from '../errors.ts';
import type { ResponseHead } from '../http/response-parser.ts';
import { endsAsDirectory, meansContents, nameOf } from './place.ts';
import { LocalWriter, type Unpacking } from './unpack.ts';

export type Target = Pick<Unpacking, 'directory' | 'name'>;

/** Where what is at `source` (in the container) goes, by docker's rules. Throws CliError. */
export function targetOf(source: string, kind: PathStat['kind'], destination: string): Target {
  const path = resolve(destination);
  const found = statAt(path);
  const isDirectory = kind === 'directory';
  if (found?.isDirectory() === true) {
    const contents = isDirectory && meansContents(source);
    return { directory: path, name: contents ? '' : nameOf(source) };
  }
  if (found !== undefined && isDirectory)
    throw new CliError(`cannot copy a directory onto ${destination}, which is none`);
  if (endsAsDirectory(destination) && (found !== undefined || !isDirectory)) {
    throw new CliError(`${destination} is ${found === undefined ? 'not there' : 'no directory'}`);
  }
  if (statAt(dirname(path))?.isDirectory() !== true) throw new CliError(`${dirname(path)} is no directory`);
  return { directory: dirname(path), name: nameOf(path) };
}

function statAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new CliError(`cannot look at ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Of the header X-Tare-Path-Stat. Throws CliError. */
export function pathStatOf(head: ResponseHead): PathStat {
  try {
    const text = Buffer.from(head.headers.get('x-tare-path-stat') ?? '', 'base64url').toString('utf8');
    return JSON.parse(text) as PathStat;
  } catch (error) {
    throw new CliError('the daemon did not say what is copied', { cause: error });
  }
}

/** Takes the archive in pieces; an archive that is malformed throws CliError. */
export class ArchiveUnpacking {
  readonly #writer: LocalWriter;
  readonly #reader: TarReader;

  constructor(unpacking: Unpacking) {
    this.#writer = new LocalWriter(unpacking);
    this.#reader = new TarReader(this.#writer);
  }

  push(piece: Buffer): void {
    asCliError(() => {
      this.#reader.push(piece);
    });
  }

  finish(): void {
    asCliError(() => {
      this.#reader.finish();
      this.#writer.finish();
    });
  }

  close(): void {
    this.#writer.close();
  }
}

function asCliError(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(messageOf(error), { cause: error });
  }
}
