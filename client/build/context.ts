/** The context of a build, from this machine's files: what .dockerignore leaves of a directory, with the Dockerfile. */
import { randomBytes } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { encodeEntry, paddingOf } from '../../daemon/images/tar/encode.ts';
import { InvalidPattern, isIgnored, mayHoldExceptions, parseIgnore, type IgnoreRules } from '../../shared/dockerignore.ts';
import { packTree, type Admits } from '../copy/pack.ts';
import { CliError, errnoOf, messageOf } from '../errors.ts';
import type { Upload } from '../http/connection.ts';

const TAR = 'application/x-tar';
/** What archives begin with: gzip, bzip2, xz, zstd; a tar has "ustar" at 257. */
const COMPRESSED = [[0x1f, 0x8b], [0x42, 0x5a, 0x68], [0xfd, 0x37, 0x7a, 0x58], [0x28, 0xb5, 0x2f, 0xfd]] as const;
const MAGIC = { start: 257, text: 'ustar' };

export interface BuildContext {
  readonly upload: Upload;
  /** In the context. */
  readonly dockerfile: string | undefined;
}

/** `dockerfile`: as -f has it; "-" is stdin. Throws CliError. */
export async function directoryContext(path: string, dockerfile: string | undefined): Promise<BuildContext> {
  const directory = directoryAt(path);
  const inside = dockerfile === undefined ? 'Dockerfile' : insideOf(directory, dockerfile);
  const rules = rulesIn(directory);
  const skipped = (): void => undefined;
  const packing = { path: directory, name: '', tally: { counted: skipped, skipped }, asRoot: true };
  if (inside !== undefined) {
    if (dockerfile === undefined || dockerfile !== '-') checkDockerfile(join(directory, inside), dockerfile);
    const pieces = packTree({ ...packing, admits: admitting(rules, ['.dockerignore', inside]) });
    return { upload: { contentType: TAR, pieces }, dockerfile: inside };
  }
  // it lies elsewhere, and goes along under a name that nobody else has
  const name = `.dockerfile.${randomBytes(10).toString('hex')}`;
  const text = dockerfile === '-' ? await readStdin() : readDockerfile(dockerfile ?? '');
  // no step sees it
  const ignore = Buffer.from(`${readIgnore(directory) ?? '.dockerignore'}\n${name}\n`);
  const admits = admitting(rules, []);
  const tree = packTree({ ...packing, admits: (each, is) => (each === '.dockerignore' ? 'none' : admits(each, is)) });
  const pieces = joined([member(name, text), member('.dockerignore', ignore)], tree);
  return { upload: { contentType: TAR, pieces }, dockerfile: name };
}

/** What is piped in: an archive, or a Dockerfile alone. Throws CliError. */
export async function standardContext(dockerfile: string | undefined): Promise<BuildContext> {
  if (process.stdin.isTTY) throw new CliError('stdin is a terminal, not an archive or a Dockerfile');
  const stdin = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let first = Buffer.alloc(0);
  while (first.length < MAGIC.start + MAGIC.text.length) {
    const next = await stdin.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  const all = afterwards(first, stdin);
  if (isArchive(first)) return { upload: { contentType: 'application/octet-stream', pieces: all }, dockerfile };
  if (dockerfile !== undefined) {
    throw new CliError('ambiguous Dockerfile source: both stdin and --file', { hint: 'leave --file out, or pipe an archive' });
  }
  const pieces = [];
  for await (const piece of all) pieces.push(piece);
  return { upload: { contentType: TAR, pieces: joined([member('Dockerfile', Buffer.concat(pieces))], []) }, dockerfile: undefined };
}

async function* afterwards(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* { [Symbol.asyncIterator]: () => rest };
}

function isArchive(first: Buffer): boolean {
  const { start, text } = MAGIC;
  if (first.toString('latin1', start, start + text.length) === text) return true;
  return COMPRESSED.some((beginning) => beginning.every((byte, index) => first[index] === byte));
}

function directoryAt(path: string): string {
  if (/^(?:https?|git|ssh|ftp):\/\/|^git@|^github\.com\//.test(path)) {
    throw new CliError(`${path}: a context is not fetched from elsewhere`, { hint: 'fetch it, and name the directory' });
  }
  try {
    const real = realpathSync(resolve(path));
    if (statSync(real).isDirectory()) return real;
  } catch (error) {
    throw new CliError(`cannot read the context ${path}: ${messageOf(error)}`, { cause: error });
  }
  throw new CliError(`the context ${path} is not a directory`);
}

/** Undefined: it lies outside, or is stdin. */
function insideOf(directory: string, dockerfile: string): string | undefined {
  if (dockerfile === '-') return undefined;
  const given = resolve(dockerfile);
  const inside = relative(directory, given);
  if (inside !== '' && inside !== '..' && !inside.startsWith('../')) return inside;
  return undefined;
}

function checkDockerfile(path: string, given: string | undefined): void {
  try {
    if (statSync(path).isFile()) return;
  } catch (error) {
    throw new CliError(`cannot read the Dockerfile ${given ?? path}: ${messageOf(error)}`, { cause: error });
  }
  throw new CliError(`the Dockerfile ${given ?? path} is not a file`);
}

function readDockerfile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(`cannot read the Dockerfile ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function readStdin(): Promise<Buffer> {
  if (process.stdin.isTTY) throw new CliError('stdin is a terminal, not a Dockerfile');
  const pieces = [];
  for await (const piece of process.stdin as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

function readIgnore(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, '.dockerignore'), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new CliError(`cannot read .dockerignore: ${messageOf(error)}`, { cause: error });
  }
}

function rulesIn(directory: string): IgnoreRules {
  try {
    return parseIgnore(readIgnore(directory) ?? '');
  } catch (error) {
    if (!(error instanceof InvalidPattern)) throw error;
    throw new CliError(`.dockerignore: ${error.message}`, { cause: error });
  }
}

/** `always`: what the daemon has need of, whatever the rules say. */
function admitting(rules: IgnoreRules, always: readonly string[]): Admits {
  const exceptions = mayHoldExceptions(rules);
  return (name, isDirectory) => {
    const path = Buffer.from(name, 'latin1').toString();
    if (always.includes(path) || !isIgnored(rules, path)) return 'all';
    const isOnTheWay = always.some((each) => each.startsWith(`${path}/`));
    return isDirectory && (exceptions || isOnTheWay) ? 'below' : 'none';
  };
}

function member(name: string, content: Buffer): Buffer {
  const modified = { seconds: Math.floor(Date.now() / 1000), nanoseconds: 0 };
  const { bytes } = encodeEntry({ kind: 'file', name, mode: 0o600, uid: 0, gid: 0, modified, size: content.length });
  return Buffer.concat([bytes, content, Buffer.alloc(paddingOf(content.length))]);
}

/** `archive` has the end; where there is none, it is added. */
function* joined(members: readonly Buffer[], archive: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield* members;
  let isEmpty = true;
  for (const piece of archive) {
    isEmpty = false;
    yield piece;
  }
  if (isEmpty) yield Buffer.alloc(1024);
}
