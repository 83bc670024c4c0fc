/**
 * A seccomp profile as Docker has them (profiles/seccomp of moby: rules for some architectures, capabilities and kernels
 * only) as one of the OCI specification: with the rules that count for this container, on this machine. What is of the
 * specification already stays as it is; the engine validates the whole.
 */
import { arch, release } from 'node:os';
import type { HostConfig } from './create-body.ts';

type Json = Readonly<Record<string, unknown>>;

/** Those of a container that asks for none (daemon/runtime/capabilities.ts). */
const DEFAULT_CAPABILITIES = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP'],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
];
/** As Docker's profiles name this machine, and as the specification does. */
const ARCHITECTURES: Readonly<Record<string, readonly [docker: string, native: string]>> = {
  x64: ['amd64', 'SCMP_ARCH_X86_64'],
  arm64: ['arm64', 'SCMP_ARCH_AARCH64'],
};
/** What only Docker's have. */
const DOCKERS: ReadonlySet<string> = new Set(['archMap', 'architectures', 'syscalls']);
const DOCKERS_OF_RULE: ReadonlySet<string> = new Set(['name', 'names', 'args', 'comment', 'includes', 'excludes']);

export function ociSeccomp(profile: Json, host: HostConfig): object {
  const [docker = '', native = ''] = ARCHITECTURES[arch()] ?? [];
  const capabilities = capabilitiesOf(host);
  const applies = (rule: Json): boolean => {
    const [includes, excludes] = [objectOf(rule.includes), objectOf(rule.excludes)];
    const [needs, without] = [textsOf(includes.caps), textsOf(excludes.caps)];
    const [on, off] = [textsOf(includes.arches), textsOf(excludes.arches)];
    return (
      needs.every((name) => capabilities.has(name)) &&
      !without.some((name) => capabilities.has(name)) &&
      (on.length === 0 || on.includes(docker)) &&
      !off.includes(docker) &&
      isKernel(includes.minKernel, true) &&
      !isKernel(excludes.minKernel, false)
    );
  };
  const architectures = architecturesOf(profile, native);
  return {
    ...without(profile, DOCKERS),
    ...(architectures.length === 0 ? {} : { architectures }),
    ...(Array.isArray(profile.syscalls)
      ? { syscalls: profile.syscalls.map(objectOf).filter(applies).map(ruleOf) }
      : {}),
  };
}

function ruleOf(rule: Json): object {
  const names = rule.names ?? (typeof rule.name === 'string' ? [rule.name] : undefined);
  return {
    ...without(rule, DOCKERS_OF_RULE),
    ...(names === undefined ? {} : { names }),
    ...(rule.args === undefined || rule.args === null ? {} : { args: rule.args }),
  };
}

/** Those that are named, or else this machine's with those that it runs too. */
function architecturesOf(profile: Json, native: string): unknown[] {
  if (Array.isArray(profile.architectures) && profile.architectures.length > 0) return profile.architectures;
  if (!Array.isArray(profile.archMap)) return [];
  const own = profile.archMap.map(objectOf).find(({ architecture }) => architecture === native);
  return own === undefined ? [] : [native, ...textsOf(own.subArchitectures)];
}

function capabilitiesOf({ Privileged: isPrivileged, CapAdd: add = [], CapDrop: drop = [] }: HostConfig) {
  const whole = (name: string): string => `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`;
  const [added, dropped] = [new Set(add.map(whole)), new Set(drop.map(whole))];
  const base = new Set(DEFAULT_CAPABILITIES.map(whole));
  const has = (name: string): boolean => {
    if (dropped.has('CAP_ALL')) return added.has(name);
    if (dropped.has(name)) return false;
    return isPrivileged === true || added.has('CAP_ALL') || added.has(name) || base.has(name);
  };
  return { has };
}

/** "4.8": the kernel is as new. `otherwise`: where nothing is said. */
function isKernel(least: unknown, otherwise: boolean): boolean {
  if (typeof least !== 'string' || !/^[0-9]{1,4}\.[0-9]{1,4}$/.test(least)) return otherwise;
  const [major = 0, minor = 0] = least.split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = release().split(/[.-]/).map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function without(object: Json, names: ReadonlySet<string>): Json {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.has(name)));
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
