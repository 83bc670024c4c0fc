/**
 * A config.json, checked: runtime-spec 1.3.0, its Linux part. What is valid there but not done here is refused by
 * name, `kind: 'unsupported'`, where it asks for something; nothing that this module lets pass is ignored later on.
 */
import { and, hostPath, i32, isObject, list, mapOf, object, text, type Check, type Rules } from './check.ts';
import { SpecError } from './error.ts';
import { sysctlPath } from './sysctl.ts';
import type { Hook, Hooks, Process, Spec } from './types.ts';
import { checkMappedIds, linux } from './validate-linux.ts';
import { isIdMapped, mounts, root } from './validate-mounts.ts';
import { processCheck } from './validate-process.ts';

/** Of one major version, semver.org: whatever 1.x.y the bundle was written for, its meaning here is that of 1.3.0. */
const VERSION = /^1\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
/** __NEW_UTS_LEN of include/uapi/linux/utsname.h. */
const UTS_NAME_MAX = 64;
/** Parts of config.json for other platforms: they would run something else than what is asked for. */
const OTHER_PLATFORMS = ['windows', 'solaris', 'vm', 'zos', 'freebsd'] as const;

const ociVersion: Check<string> = and(text, (version, field) => {
  if (!VERSION.test(version)) throw new SpecError(field, `"${version}" is not a version 1.x.y of the specification`);
});

const utsName: Check<string> = and(text, (name, field) => {
  if (Buffer.byteLength(name) > UTS_NAME_MAX) {
    throw new SpecError(field, `is longer than ${String(UTS_NAME_MAX)} bytes`);
  }
});

function positive(value: number | bigint, field: string): void {
  if (value <= 0) throw new SpecError(field, `${String(value)} is not more than 0`);
}

/** A startContainer hook's path is one of the container; that of all others, of the host. */
const hook = list(
  object<Hook>({ path: hostPath, args: list(text), env: list(text), timeout: and(i32, positive) }, ['path']),
);

const hooks = object<Hooks>(
  {
    prestart: hook,
    createRuntime: hook,
    createContainer: hook,
    startContainer: hook,
    poststart: hook,
    poststop: hook,
  },
  [],
);

/** A whole config.json; propertiesOf(specCheck) are the properties that this runtime knows. */
export const specCheck = object<Spec>(
  {
    ociVersion,
    root,
    mounts,
    process: processCheck,
    hostname: utsName,
    domainname: utsName,
    hooks,
    annotations: mapOf(text, (name, field) => {
      if (name === '') throw new SpecError(field, 'a key is empty');
    }),
    linux,
  },
  ['ociVersion'],
);

function refuseOtherPlatforms(value: Record<string, unknown>): void {
  for (const name of OTHER_PLATFORMS) {
    if (value[name] !== undefined && value[name] !== null) {
      throw new SpecError(name, 'is for another platform', 'unsupported');
    }
  }
}

function checkUtsNames(spec: Spec): void {
  for (const name of ['hostname', 'domainname'] as const) {
    const wanted = spec[name] ?? '';
    if (wanted !== '' && spec.linux?.namespaces?.some(({ type }) => type === 'uts') !== true) {
      throw new SpecError(name, 'needs a uts namespace in linux.namespaces');
    }
  }
  for (const key of Object.keys(spec.linux?.sysctl ?? {})) {
    if (sysctlPath(key) === 'kernel/domainname' && (spec.domainname ?? '') !== '') {
      throw new SpecError(`linux.sysctl.${key}`, 'says the same as domainname');
    }
  }
}

/** An id-mapped mount without maps of its own takes those of the container's user namespace. */
function checkIdMaps(spec: Spec): void {
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    const own = (mount.uidMappings?.length ?? 0) > 0;
    if (own || !isIdMapped(mount) || spec.linux?.namespaces?.some(({ type }) => type === 'user') === true) continue;
    throw new SpecError(
      `mounts[${String(index)}].uidMappings`,
      'is missing, and there is no user namespace to take it from',
    );
  }
}

/**
 * @throws SpecError naming the field
 * @param rules - "refuse" for what a person writes to the API, "ignore" for a bundle
 */
export function validateSpec(value: unknown, rules: Rules): Spec {
  if (!isObject(value)) throw new SpecError('config.json', 'an object is expected');
  refuseOtherPlatforms(value);
  const spec = specCheck(value, '', rules);
  checkUtsNames(spec);
  checkIdMaps(spec);
  if (spec.process?.user !== undefined) checkMappedIds(spec.process.user, spec.linux, 'process.user');
  return spec;
}

/** The process of an exec (a process.json); `field` is what its fields are named below. */
export function validateProcess(value: unknown, field: string, rules: Rules): Process {
  return processCheck(value, field, rules);
}
