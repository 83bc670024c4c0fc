/** config.json: `linux`, config-linux.md of runtime-spec 1.3.0. */
import {
  absolutePath,
  after,
  and,
  anyPath,
  hostPath,
  i64,
  id,
  integer,
  list,
  mapOf,
  object,
  oneOf,
  text,
  unique,
  unsupported,
  type Check,
} from './check.ts';
import { SpecError } from './error.ts';
import { isSysctlValue, sysctlNamespace, sysctlPath } from './sysctl.ts';
import {
  NAMESPACE_TYPES,
  type Device,
  type IdMapping,
  type Integer,
  type Linux,
  type NamespaceType,
  type User,
} from './types.ts';
import { intelRdt } from './validate-intel-rdt.ts';
import { idMappings, isMapped } from './validate-mappings.ts';
import { netDevices } from './validate-net-devices.ts';
import { resources } from './validate-resources.ts';
import { memoryPolicy } from './validate-scheduling.ts';
import { seccomp } from './validate-seccomp.ts';

type Of<K extends keyof Linux> = Exclude<Linux[K], undefined>;
type Namespace = Of<'namespaces'>[number];
type TimeOffset = Exclude<Of<'timeOffsets'>['boottime'], undefined>;

const namespace: Check<Namespace> = after(
  object<Namespace>({ type: oneOf(NAMESPACE_TYPES), path: text }, ['type']),
  (value, field, rules) => {
    if (value.path === '') delete value.path;
    else if (value.path !== undefined) value.path = hostPath(value.path, `${field}.path`, rules);
    return value;
  },
);

const namespaces: Check<Namespace[]> = and(list(namespace), (items, field) => {
  unique(items, field, (item) => item.type, 'type');
});

const timeOffset = object<TimeOffset>({ secs: i64, nanosecs: integer(0, 999_999_999) }, []);

/** S_IFMT and the file types of inode(7), by the letters of mknod(1). */
const FILE_TYPE = 0o170_000;
const FILE_TYPES: Readonly<Record<string, number>> = { c: 0o020_000, u: 0o020_000, b: 0o060_000, p: 0o010_000 };

/** Tools hand over the whole st_mode of a device: its type must be that which is asked for, and goes. */
function permissionsOf({ type, fileMode }: Device, field: string): number {
  const mode = Number(fileMode);
  const fileType = mode & FILE_TYPE;
  if (fileType !== 0 && fileType !== FILE_TYPES[type]) {
    throw new SpecError(`${field}.fileMode`, `${String(mode)} is of another type than "${type}"`);
  }
  return mode & ~FILE_TYPE;
}

/** Linux has 12 bits for the major and 20 for the minor number. */
const device: Check<Device> = after(
  object<Device>(
    {
      path: absolutePath,
      type: oneOf(['b', 'c', 'u', 'p']),
      major: integer(0, 0xfff),
      minor: integer(0, 0xf_ffff),
      // The schema says 0777; podman gives the whole st_mode.
      fileMode: integer(0, 0o177_777),
      uid: id,
      gid: id,
    },
    ['path', 'type'],
  ),
  (value, field) => {
    for (const number of ['major', 'minor'] as const) {
      if (value.type !== 'p' && value[number] === undefined) throw new SpecError(`${field}.${number}`, 'is missing');
    }
    return value.fileMode === undefined ? value : { ...value, fileMode: permissionsOf(value, field) };
  },
);

const devices: Check<Device[]> = and(list(device), (items, field) => {
  unique(items, field, (item) => item.path, 'path');
});

const sysctl: Check<Record<string, string>> = and(mapOf(text), (settings, field) => {
  const seen = new Map<string, string>();
  for (const [key, value] of Object.entries(settings)) {
    const path = sysctlPath(key);
    const name = `${field}.${key}`;
    if (path === undefined) throw new SpecError(name, 'is not the name of a kernel parameter');
    if (path === 'kernel/hostname') throw new SpecError(name, 'is said by hostname');
    if (sysctlNamespace(path) === undefined) {
      throw new SpecError(name, 'is a parameter of the whole host, not of a namespace', 'unsupported');
    }
    if (!isSysctlValue(value)) throw new SpecError(name, `${JSON.stringify(value)} is not a value for it`);
    const twin = seen.get(path);
    if (twin !== undefined) throw new SpecError(name, `is the same parameter as "${twin}"`);
    seen.set(path, key);
  }
});

/** The specification names flags and knows none. */
const personality = object<Of<'personality'>>(
  { domain: oneOf(['LINUX', 'LINUX32']), flags: unsupported(list(text), (flags) => flags.length === 0) },
  ['domain'],
);

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

const shape = object<Linux>(
  {
    namespaces,
    uidMappings: idMappings,
    gidMappings: idMappings,
    timeOffsets: object<Of<'timeOffsets'>>({ boottime: timeOffset, monotonic: timeOffset }, []),
    devices,
    netDevices,
    cgroupsPath: and(anyPath, (path, field) => {
      if (path.split('/').includes('..')) throw new SpecError(field, `"${path}" contains ".."`);
    }),
    resources,
    rootfsPropagation: oneOf([
      'private',
      'rprivate',
      'slave',
      'rslave',
      'shared',
      'rshared',
      'unbindable',
      'runbindable',
      '',
    ]),
    seccomp,
    sysctl,
    maskedPaths: list(absolutePath),
    readonlyPaths: list(absolutePath),
    mountLabel: text,
    intelRdt,
    personality,
    memoryPolicy,
  },
  [],
);

function requireNamespace(types: ReadonlySet<NamespaceType>, type: NamespaceType, field: string, what: string): void {
  if (!types.has(type)) throw new SpecError(field, `needs ${what} in linux.namespaces`);
}

/** A user namespace that is joined has its maps; tools name some for it all the same, and nobody could write them. */
function checkMappings(linux: Linux, types: Types, field: string): void {
  const { fresh, all } = types;
  const sides = ['uidMappings', 'gidMappings'] as const;
  for (const side of sides) {
    const lines = linux[side] ?? [];
    if (lines.length > 0) requireNamespace(all, 'user', `${field}.${side}`, 'a user namespace');
    else if (fresh.has('user')) throw new SpecError(`${field}.${side}`, 'is missing: a user namespace needs it');
    if (fresh.has('user') && !isMapped(lines, 0)) {
      throw new SpecError(`${field}.${side}`, 'maps no id to 0, the root of the container');
    }
  }
}

interface Types {
  /** Of namespaces made for this container. */
  readonly fresh: ReadonlySet<NamespaceType>;
  /** And of those that it joins. */
  readonly all: ReadonlySet<NamespaceType>;
}

function typesOf({ namespaces: list = [] }: Linux): Types {
  const fresh = list.filter(({ path }) => path === undefined).map(({ type }) => type);
  return { fresh: new Set(fresh), all: new Set(list.map(({ type }) => type)) };
}

export const linux: Check<Linux> = and(shape, (value, field) => {
  const types = typesOf(value);
  checkMappings(value, types, field);
  if (Object.values(value.timeOffsets ?? {}).some((offset) => !isEmpty(offset))) {
    requireNamespace(types.fresh, 'time', `${field}.timeOffsets`, 'a new time namespace');
  }
  if (!isEmpty(value.netDevices ?? {})) {
    requireNamespace(types.all, 'network', `${field}.netDevices`, 'a network namespace');
  }
  for (const key of Object.keys(value.sysctl ?? {})) {
    const type = sysctlNamespace(sysctlPath(key) ?? '');
    if (type !== undefined) requireNamespace(types.all, type, `${field}.sysctl.${key}`, `a namespace of type ${type}`);
  }
});

/** The ids that the process has must exist in its user namespace; field is the user's. */
export function checkMappedIds(user: User, linuxPart: Linux | undefined, field: string): void {
  if (linuxPart === undefined || !typesOf(linuxPart).fresh.has('user')) return;
  const check = (wanted: Integer, lines: readonly IdMapping[] = [], name: string): void => {
    if (lines.length > 0 && !isMapped(lines, wanted)) {
      throw new SpecError(`${field}.${name}`, `${String(wanted)} is not mapped into the user namespace`);
    }
  };
  check(user.uid, linuxPart.uidMappings, 'uid');
  check(user.gid, linuxPart.gidMappings, 'gid');
  for (const [index, gid] of (user.additionalGids ?? []).entries()) {
    check(gid, linuxPart.gidMappings, `additionalGids[${String(index)}]`);
  }
}
