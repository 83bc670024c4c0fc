/** config.json: `mounts` and `root`, config.md#mounts and #root of runtime-spec 1.3.0. */
import { absolutePath, and, anyPath, boolean, list, object, text, unsupported, type Check } from './check.ts';
import { SpecError } from './error.ts';
import { idMappings } from './validate-mappings.ts';
import type { Mount, Root } from './types.ts';

/** Options of a mount that ask for an id-mapped mount. */
const IDMAP_OPTIONS: ReadonlySet<string> = new Set(['idmap', 'ridmap']);
const TYPE = /^[A-Za-z0-9_.-]{1,64}$/;
const OPTION_LENGTH_MAX = 4095;

export const root: Check<Root> = object<Root>({ path: anyPath, readonly: boolean }, ['path']);

const type: Check<string> = and(text, (name, field) => {
  if (!TYPE.test(name)) throw new SpecError(field, `"${name}" is not the name of a file system`);
});

const option: Check<string> = and(text, (name, field) => {
  if (name === '') throw new SpecError(field, 'is empty');
  if (Buffer.byteLength(name) > OPTION_LENGTH_MAX) {
    throw new SpecError(field, `is longer than ${String(OPTION_LENGTH_MAX)} bytes`);
  }
  if (IDMAP_OPTIONS.has(name)) throw new SpecError(field, 'id-mapped mounts are not supported', 'unsupported');
});

const mappings = unsupported(idMappings, (lines) => lines.length === 0, 'id-mapped mounts are not supported');

/** True for a mount of something that the host has already. */
export function isBind(mount: Mount): boolean {
  return mount.type === 'bind' || mount.options?.some((name) => name === 'bind' || name === 'rbind') === true;
}

const mount: Check<Mount> = and(
  object<Mount>(
    {
      destination: absolutePath,
      type,
      source: text,
      options: list(option),
      uidMappings: mappings,
      gidMappings: mappings,
    },
    ['destination'],
  ),
  (value, field) => {
    if (value.destination === '/') throw new SpecError(`${field}.destination`, 'nothing can be mounted over the root');
    if (isBind(value)) {
      if (value.source === undefined || value.source === '') throw new SpecError(`${field}.source`, 'is missing');
    } else if (value.type === undefined) {
      throw new SpecError(`${field}.type`, 'is missing');
    }
  },
);

export const mounts: Check<Mount[]> = list(mount);
