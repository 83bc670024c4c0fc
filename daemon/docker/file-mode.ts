/** Kinds and permissions of files as Go has them in one number: FileMode of its package io/fs. */
import type { PathStat } from '../../shared/api/files.ts';

const bit = (number: number): number => 2 ** number;

const KINDS: Readonly<Record<PathStat['kind'], number>> = {
  file: 0,
  directory: bit(31),
  link: bit(27),
  device: bit(26),
  fifo: bit(25),
  socket: bit(24),
};
const CHARACTER_DEVICE = bit(21);
/** Of the permission bits of Unix (octal 4000, 2000, 1000). */
const SPECIAL: readonly (readonly [unix: number, go: number])[] = [
  [0o4000, bit(23)],
  [0o2000, bit(22)],
  [0o1000, bit(20)],
];

export function goFileMode({ kind, device, mode }: Pick<PathStat, 'kind' | 'device' | 'mode'>): number {
  let bits = (mode & 0o777) + KINDS[kind] + (device === 'character' ? CHARACTER_DEVICE : 0);
  for (const [unix, go] of SPECIAL) if ((mode & unix) !== 0) bits += go;
  return bits;
}
