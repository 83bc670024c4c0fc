/** The path of a group: absolute in every hierarchy, of plain components, never the root. */
import { SpecError } from '../spec/error.ts';

/** Throws SpecError for anything else: one slip here and a whole hierarchy would be frozen, killed or removed. */
export function requireGroupPath(path: string): void {
  const components = path.split('/').slice(1);
  const plain = components.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
  if (!path.startsWith('/') || !plain) {
    throw new SpecError('linux.cgroupsPath', `${JSON.stringify(path)} is not the absolute path of a control group`);
  }
}
