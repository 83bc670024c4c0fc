/** config.json: `mounts` and `root`, config.md#mounts and #root of runtime-spec 1.3.0. */
import { isFileSystemOption } from '../plan/mount-options.ts';
import { absolutePath, after, and, anyPath, boolean, list, object, text, type Check, type Rules } from './check.ts';
import { SpecError } from './error.ts';
import type { IdMapping, Linux, Mount, Root } from './types.ts';
import { idMappings } from './validate-mappings.ts';

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
});

/** True for a mount of something that the host has already. */
export function isBind(mount: Mount): boolean {
  const named = mount.type === 'bind' || mount.type === 'rbind';
  return named || mount.options?.some((name) => name === 'bind' || name === 'rbind') === true;
}

/** True where the owners of the mount's files are to be seen as others. */
export function isIdMapped(mount: Mount): boolean {
  const asked = mount.options?.some((name) => name === 'idmap' || name === 'ridmap') === true;
  return asked || (mount.uidMappings?.length ?? 0) + (mount.gidMappings?.length ?? 0) > 0;
}

/**
 * The maps that an id-mapped mount needs a user namespace for: its own, or else those of the container's new one.
 * Undefined where it is not id-mapped, or takes them from a user namespace that is joined.
 */
export function idMapsWanted(
  mount: Mount,
  linux: Linux | undefined,
): { uidMappings: readonly IdMapping[]; gidMappings: readonly IdMapping[] } | undefined {
  if (!isIdMapped(mount)) return undefined;
  const { uidMappings = [], gidMappings = [] } = mount;
  if (uidMappings.length > 0) return { uidMappings, gidMappings };
  const isJoined = linux?.namespaces?.some((namespace) => namespace.type === 'user' && namespace.path !== undefined);
  if (isJoined === true) return undefined;
  return { uidMappings: linux?.uidMappings ?? [], gidMappings: linux?.gidMappings ?? [] };
}

function checkIdMap(mount: Mount, field: string): void {
  const sides = [mount.uidMappings?.length ?? 0, mount.gidMappings?.length ?? 0];
  if ((sides[0] === 0) !== (sides[1] === 0)) {
    throw new SpecError(
      `${field}.${sides[0] === 0 ? 'uidMappings' : 'gidMappings'}`,
      'is missing: ids are mapped in pairs',
    );
  }
  if (isIdMapped(mount) && !isBind(mount)) {
    throw new SpecError(`${field}.type`, 'only binds can be id-mapped', 'unsupported');
  }
}

/** Of a bundle: what nobody looks at on a bind, such as "mode=755", as runc and crun do. Elsewhere it is refused, compile-binds.ts. */
function withoutData(value: Mount, field: string, { unknown, warn }: Rules): Mount {
  const { options } = value;
  if (unknown === 'refuse' || options === undefined || !isBind(value)) return value;
  const vain = options.filter((name) => isFileSystemOption(name));
  if (vain.length === 0) return value;
  warn?.(`${field}.options`, `${vain.join(', ')}: of a file system, without effect on a bind`);
  return { ...value, options: options.filter((name) => !vain.includes(name)) };
}

const mount: Check<Mount> = after(
  object<Mount>(
    {
      destination: absolutePath,
      type,
      source: text,
      options: list(option),
      uidMappings: idMappings,
      gidMappings: idMappings,
    },
    ['destination'],
  ),
  (value, field, rules) => {
    if (value.destination === '/') throw new SpecError(`${field}.destination`, 'nothing can be mounted over the root');
    checkIdMap(value, field);
    if (isBind(value)) {
      if (value.source === undefined || value.source === '') throw new SpecError(`${field}.source`, 'is missing');
    } else if (value.type === undefined && value.options?.includes('remount') !== true) {
      throw new SpecError(`${field}.type`, 'is missing');
    }
    return withoutData(value, field, rules);
  },
);

export const mounts: Check<Mount[]> = list(mount);
