/** How a repository is called at a source, and what a token must allow there. */
import type { Repository } from '../reference.ts';
import type { Source } from './settings.ts';

/** "library/alpine", behind a mirror's folder. */
export function repositoryPath(source: Source, { path }: Repository): string {
  return source.prefix + path;
}

export function pullScope(path: string): string {
  return `repository:${path}:pull`;
}

export function pushScope(path: string): string {
  return `repository:${path}:pull,push`;
}
