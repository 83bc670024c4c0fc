/** Names of images as Docker's requests have them: a repository, and a tag or digest apart. */
import { DockerError } from '../error.ts';

/** "repo", "tag" → "repo:tag"; a digest as tag → "repo@digest". */
export function joinedName(repository: string, tag: string): string {
  if (tag === '') return repository;
  return tag.includes(':') ? `${repository}@${tag}` : `${repository}:${tag}`;
}

/** Whether it ends with a tag or digest. */
export function hasTag(name: string): boolean {
  return name.includes('@') || name.slice(name.lastIndexOf('/') + 1).includes(':');
}

/** "debian:12" → ["debian", "12"] */
export function splitName(name: string): [repository: string, tag: string] {
  const at = name.indexOf('@');
  if (at !== -1) return [name.slice(0, at), name.slice(at + 1)];
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon === -1 ? [name, ''] : [name.slice(0, colon), name.slice(colon + 1)];
}

/** Of a platform as the query has it: "linux/arm64", or JSON of an OCI platform. Throws DockerError 400. */
export function platformOf(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (!text.startsWith('{')) return text;
  let platform: unknown;
  try {
    platform = JSON.parse(text);
  } catch (error) {
    throw new DockerError(400, `failed to parse platform: ${(error as Error).message}`, { cause: error });
  }
  const { os, architecture, variant } = platform as Readonly<Record<string, unknown>>;
  const parts = [os ?? 'linux', architecture, variant].filter((part) => part !== undefined && part !== '');
  if (parts.some((part) => typeof part !== 'string')) throw new DockerError(400, 'failed to parse platform');
  return parts.join('/');
}

/** dockerd's words for an image that is not here. */
export function noSuchImage(name: string): DockerError {
  const text = hasTag(name) || /^(sha256:)?[0-9a-f]{64}$/.test(name) ? name : `${name}:latest`;
  return new DockerError(404, `No such image: ${text}`);
}
