/** Names inside an archive. They name members and nothing else: no file system is asked for them. */
import { ImageError, shown } from '../errors.ts';

/**
 * Without "./" and slashes too many; "" is the archive's root. Throws ImageError archive_invalid where it leads out of
 * the archive.
 */
export function memberName(name: string): string {
  const parts: string[] = [];
  if (name.startsWith('/')) throw new ImageError('archive_invalid', `${shown(name)} is no name inside the archive`);
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) {
      throw new ImageError('archive_invalid', `${shown(name)} leads out of the archive`);
    }
  }
  return parts.join('/');
}

/** What the symbolic link `name` leads to. Throws as memberName(). */
export function linkedName(name: string, target: string): string {
  const directory = name.slice(0, name.lastIndexOf('/') + 1);
  return memberName(target.startsWith('/') ? target : directory + target);
}

/** Of a name in a JSON document: members' names are bytes, one character each. */
export function nameOfText(text: string): string {
  return memberName(Buffer.from(text).toString('latin1'));
}
