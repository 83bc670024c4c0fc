/** config.json: `linux`, config-linux.md of runtime-spec 1.3.0. */
import {
  absolutePath,
  and,
  anyPath,
  i64,
  id,
  integer,
  isObject,
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
import { idMappings, isMapped } from './validate-mappings.ts';
import { resources } from './validate-resources.ts';
import { seccomp } from './validate-seccomp.ts';

type Of<K extends keyof Linux> = Exclude<Linux[K], undefined>;
type Namespace = Of<'namespaces'>[number];
type TimeOffset = Exclude<Of<'timeOffsets'>['boottime'], undefined>;

/** Entering these would need the plan to start somewhere else than at clone. */
const NOT_BY_PATH: ReadonlySet<NamespaceType> = new Set(['user', 'mount']);

const namespace: Check<Namespace> = (value, field, rules) => {
  const checked = object<Namespace>({ type: oneOf(NAMESPACE_TYPES), path: text }, ['type'])(value, field, rules);
  if (checked.path === '') delete checked.path;
  if (checked.path === undefined) return checked;
  checked.path = absolutePath(checked.path, `${field}.path`, rules);
  if (NOT_BY_PATH.has(checked.type)) {
    throw new SpecError(`${field}.path`, `a ${checked.type} namespace cannot be joined by path`, 'unsupported');
  }
  return checked;
};

const namespaces: Check<Namespace[]> = and(list(namespace), (items, field) => {
  unique(items, field, (item) => item.type, 'type');
});

const timeOffset = object<TimeOffset>({ secs: i64, nanosecs: integer(0, 999_999_999) }, []);

/** Linux has 12 bits for the major and 20 for the minor number. */
const device: Check<Device> = and(
  object<Device>(
    {
      path: absolutePath,
      type: oneOf(['b', 'c', 'u', 'p']),
      major: integer(0, 0xfff),
      minor: integer(0, 0xf_ffff),
      // The schema says 0777; set-id and sticky bits and the file type that some tools put above are refused.
      fileMode: integer(0, 0o777),
      uid: id,
      gid: id,
    },
    ['path', 'type'],
  ),
  (value, field) => {
    if (value.type === 'p') return;
    for (const number of ['major', 'minor'] as const) {
      if (value[number] === undefined) throw new SpecError(`${field}.${number}`, 'is missing');
    }
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
    if (sysctlNamespace(path) === undefined) {
      throw new SpecError(name, 'is a parameter of the whole host, not of a namespace', 'unsupported');
    }
    if (!isSysctlValue(value)) throw new SpecError(name, `${JSON.stringify(value)} is not a value for it`);
    const twin = seen.get(path);
    if (twin !== undefined) throw new SpecError(name, `is the same parameter as "${twin}"`);
    seen.set(path, key);
  }
});

const personality = object<Of<'personality'>>({ domain: oneOf(['LINUX', 'LINUX32']), flags: list(text) }, ['domain']);

const anyObject: Check<Record<string, unknown>> = (value, field) => {
  if (!isObject(value)) throw new SpecError(field, 'an object is expected');
  return value;
};

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

const shape = object<Linux>(
  {
    namespaces,
    uidMappings: idMappings,
    gidMappings: idMappings,
    timeOffsets: object<Of<'timeOffsets'>>({ boottime: timeOffset, monotonic: timeOffset }, []),
    devices,
    netDevices: unsupported(
      mapOf(object<Of<'netDevices'>[string]>({ name: text }, [])),
      isEmpty,
      'network devices cannot be moved into the container',
    ),
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
    mountLabel: unsupported(text, (label) => label === '', 'SELinux is not supported'),
    intelRdt: unsupported(anyObject, () => false, 'Intel RDT is not supported'),
    personality: unsupported(personality, ({ domain, flags = [] }) => domain === 'LINUX' && flags.length === 0),
    memoryPolicy: unsupported(anyObject, isEmpty),
  },
  [],
);

function requireNamespace(types: ReadonlySet<NamespaceType>, type: NamespaceType, field: string, what: string): void {
  if (!types.has(type)) throw new SpecError(field, `needs ${what} in linux.namespaces`);
}

function checkMappings(linux: Linux, fresh: ReadonlySet<NamespaceType>, field: string): void {
  const sides = ['uidMappings', 'gidMappings'] as const;
  for (const side of sides) {
    const lines = linux[side] ?? [];
    if (lines.length > 0) requireNamespace(fresh, 'user', `${field}.${side}`, 'a user namespace');
    else if (fresh.has('user')) throw new SpecError(`${field}.${side}`, 'is missing: a user namespace needs it');
    if (fresh.has('user') && !isMapped(lines, 0)) {
      throw new SpecError(`${field}.${side}`, 'maps no id to 0, the root of the container');
    }
  }
}

export const linux: Check<Linux> = and(shape, (value, field) => {
  const fresh = new Set<NamespaceType>();
  for (const { type, path } of value.namespaces ?? []) if (path === undefined) fresh.add(type);
  checkMappings(value, fresh, field);
  if (Object.values(value.timeOffsets ?? {}).some((offset) => !isEmpty(offset))) {
    requireNamespace(fresh, 'time', `${field}.timeOffsets`, 'a new time namespace');
  }
  for (const key of Object.keys(value.sysctl ?? {})) {
    const type = sysctlNamespace(sysctlPath(key) ?? '');
    if (type !== undefined) requireNamespace(fresh, type, `${field}.sysctl.${key}`, `a new ${type} namespace`);
  }
});

/** The ids that the process has must exist in its user namespace; field is the user's. */
export function checkMappedIds(user: User, linuxPart: Linux | undefined, field: string): void {
  const check = (wanted: Integer, lines: readonly IdMapping[] = [], name: string): void => {
    if (lines.length > 0 && !isMapped(lines, wanted)) {
      throw new SpecError(`${field}.${name}`, `${String(wanted)} is not mapped into the user namespace`);
    }
  };
  check(user.uid, linuxPart?.uidMappings, 'uid');
  check(user.gid, linuxPart?.gidMappings, 'gid');
  for (const [index, gid] of (user.additionalGids ?? []).entries()) {
    check(gid, linuxPart?.gidMappings, `additionalGids[${String(index)}]`);
  }
}
