/** Names of an archive as paths below the layer's root. A name is of bytes, one character each (tar/entry.ts). */
import { ImageError, shown } from '../errors.ts';

/** PATH_MAX and NAME_MAX of include/uapi/linux/limits.h; the first counts a NUL. */
export const PATH_LENGTH = 4095;
const NAME_LENGTH = 255;

/** For messages: what the bytes are in UTF-8. */
export function readable(name: string): string {
  return JSON.stringify(shown(Buffer.from(name, 'latin1').toString()));
}

/** The error for an entry that must not be unpacked. */
export function refused(name: string, why: string, options?: ErrorOptions): ImageError {
  return new ImageError('layer_invalid', `the layer's entry ${readable(name)} ${why}`, options);
}

/** The components below the root, none for the root itself; a leading slash means the root too. */
export function componentsOf(name: string): string[] {
  if (name === '') throw refused(name, 'has no name');
  if (name.length > PATH_LENGTH) throw refused(name, `has a name of more than ${String(PATH_LENGTH)} bytes`);
  const components = name.split('/').filter((component) => component !== '' && component !== '.');
  for (const component of components) {
    if (component === '..') throw refused(name, 'leads upwards');
    if (component.length > NAME_LENGTH)
      throw refused(name, `has a component of more than ${String(NAME_LENGTH)} bytes`);
  }
  return components;
}
