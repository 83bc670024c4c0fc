/**
 * Names of images: [registry[:port]/]path[:tag][@digest], as the docker CLI reads them. The grammar is that of
 * github.com/distribution/reference (reference.go); a name without a registry is of docker.io, and one of docker.io
 * without a folder is in library/.
 */
import { isDigest, type Digest } from './digest.ts';
import { ImageError, shown } from './errors.ts';

/** Where images of one name lie. */
export interface Repository {
  /** Host name or address with its port if one was named: "docker.io", "localhost:5000", "[::1]:5000". Lower case. */
  readonly registry: string;
  /** "library/alpine" */
  readonly path: string;
}

/** At least one of `tag` and `digest` is there after `withDefaultTag`. With both the digest counts. */
export interface Reference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

export const DEFAULT_REGISTRY = 'docker.io';
export const DEFAULT_TAG = 'latest';
const LIBRARY = 'library/';
/** Other names of docker.io. */
const ALIASES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io']);

const NAME_LENGTH_MAX = 255;
/** The longest name, tag and digest, and room for what parts them. */
const TEXT_LENGTH_MAX = NAME_LENGTH_MAX + 1 + 128 + 1 + 135;

const PORT = '(?::[0-9]{1,5})?';
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:.]+\\])${PORT}$`);
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Such a name would be taken for the id of an image. */
const ID = /^[0-9a-f]{64}$/;

function refuse(text: string, problem: string): never {
  throw new ImageError('invalid_reference', `"${shown(text)}" is not the name of an image: ${problem}`);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

function isRegistryName(text: string): boolean {
  if (!REGISTRY.test(text)) return false;
  const url = `https://${text}/`;
  return URL.canParse(url) && new URL(url).pathname === '/';
}

/**
 * What stands before the first slash is a registry if it cannot be a folder: reference.go, splitDockerDomain. That
 * takes capital letters alone for a registry too; here the name of one is in lower case, where it would be a folder
 * again the next time it is read, so such a name is refused as a path.
 */
function splitRegistry(name: string): [registry: string, path: string] {
  const slash = name.indexOf('/');
  const registry = name.slice(0, Math.max(slash, 0)).toLowerCase();
  const isRegistry = /[.:[]/.test(registry) || registry === 'localhost';
  if (!isRegistry) return [DEFAULT_REGISTRY, name];
  return [ALIASES.has(registry) ? DEFAULT_REGISTRY : registry, name.slice(slash + 1)];
}

function parseName(text: string, name: string): Repository {
  const [registry, given] = splitRegistry(name);
  if (!isRegistryName(registry)) refuse(text, `"${shown(registry)}" is not the address of a registry`);
  if (given !== given.toLowerCase()) refuse(text, 'a repository is written in lower case');
  if (!PATH.test(given)) {
    refuse(text, 'a repository is lower-case letters and digits, parted by one of . _ __ - or /');
  }
  if (registry === DEFAULT_REGISTRY && ID.test(given)) refuse(text, '64 hexadecimal digits are the id of an image');
  const path = registry === DEFAULT_REGISTRY && !given.includes('/') ? LIBRARY + given : given;
  if (registry.length + 1 + path.length > NAME_LENGTH_MAX) refuse(text, `it is longer than ${NAME_LENGTH_MAX}`);
  return { registry, path };
}

/** Throws ImageError invalid_reference. No tag is added: see withDefaultTag. */
export function parseReference(text: string): Reference {
  if (text === '') refuse(text, 'it is empty');
  if (text.length > TEXT_LENGTH_MAX) refuse(text, 'it is too long');
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const repository = parseName(text, colon === -1 ? named : named.slice(0, colon));
  if (tag !== undefined && !TAG.test(tag)) refuse(text, `"${shown(tag)}" is not a tag`);
  if (digest !== undefined && !isDigest(digest)) {
    refuse(
      text,
      `"${shown(digest)}" is not a digest: sha256: and 64, or sha512: and 128 lower-case hexadecimal digits`,
    );
  }
  return { ...repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** Throws ImageError invalid_reference where `text` has a tag or a digest too. */
export function parseRepository(text: string): Repository {
  const { registry, path, tag, digest } = parseReference(text);
  if (tag !== undefined || digest !== undefined) refuse(text, 'a repository alone is expected, no tag and no digest');
  return { registry, path };
}

/** The name of a registry as `Repository` has it, of how people write it. Throws ImageError invalid_reference. */
export function parseRegistry(text: string): string {
  // whatever an image of it could be called
  const image = 'a/b';
  try {
    const { registry, path } = parseReference(`${text}/${image}`);
    if (path === image) return registry;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
  throw new ImageError('invalid_reference', `"${shown(text)}" is not the address of a registry: host or host:port`);
}

/** "latest" where neither tag nor digest was given. */
export function withDefaultTag(reference: Reference): Reference {
  const isBare = reference.tag === undefined && reference.digest === undefined;
  return isBare ? { ...reference, tag: DEFAULT_TAG } : reference;
}

/** "docker.io/library/alpine" */
export function repositoryName({ registry, path }: Repository): string {
  return `${registry}/${path}`;
}

/** As people write it: "alpine", "you/app", "ghcr.io/you/app". */
export function familiarName({ registry, path }: Repository): string {
  if (registry !== DEFAULT_REGISTRY) return `${registry}/${path}`;
  const bare = path.startsWith(LIBRARY) ? path.slice(LIBRARY.length) : path;
  // What is shown is read back as the same name: library/a/b keeps its folder, a folder like a registry the registry.
  if (!bare.includes('/') && !ID.test(bare)) return bare;
  return splitRegistry(path)[0] === DEFAULT_REGISTRY ? path : `${registry}/${path}`;
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

/** The one text for a reference: "docker.io/library/alpine:3.20@sha256:…". */
export function canonicalText(reference: Reference): string {
  return repositoryName(reference) + suffix(reference);
}

/** "alpine:3.20" */
export function familiarText(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}
