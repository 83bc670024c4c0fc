/** The two sides of `cp`, as docker reads them. */
import { basename, resolve } from 'node:path';
import { UsageError } from '../errors.ts';

export type Place =
  | { readonly kind: 'stream' }
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'container'; readonly ref: string; readonly path: string };

/** "-", a path, or "CONTAINER:PATH"; what begins with "/" or "." is a path, whatever colons it has. Throws UsageError. */
export function parsePlace(word: string): Place {
  if (word === '-') return { kind: 'stream' };
  if (word === '') throw new UsageError('a path is empty');
  const colon = word.indexOf(':');
  if (colon <= 0 || /^[/.]/.test(word)) return { kind: 'local', path: word };
  const path = word.slice(colon + 1);
  if (path === '') throw new UsageError(`"${word}" names no path in the container`);
  return { kind: 'container', ref: word.slice(0, colon), path };
}

/** "DIR/." and "DIR/.." and "/": what is in the directory, not the directory itself. */
export function meansContents(path: string): boolean {
  return /(^|\/)\.{1,2}\/*$/.test(path) || /^\/+$/.test(path);
}

/** Only a directory can be meant. */
export function endsAsDirectory(path: string): boolean {
  return path.endsWith('/') || meansContents(path);
}

/** The name that what is copied has, where it is not given another. */
export function nameOf(path: string): string {
  return basename(resolve('/', path));
}
