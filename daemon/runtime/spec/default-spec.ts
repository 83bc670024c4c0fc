/** The container that a user of Docker or Podman expects when nothing else is said (SECURITY.md, default profile). */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { DEFAULT_CAPABILITIES, withinBoundingSet } from '../capabilities.ts';
import { below, isObject } from './check.ts';
import { SpecError } from './error.ts';
import { MAX_JSON_DEPTH } from './json.ts';
import type { Integer, Linux, Mount, NamespaceType, Process, Seccomp, Spec, User } from './types.ts';
import { OCI_VERSION_MAX } from './version.ts';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const NOFILE_SOFT = 1024;
const NOFILE_HARD = 524_288;
const PIDS_LIMIT = 2048;
/** Bytes of /dev/shm, as Docker has it. */
export const SHARED_MEMORY = 64 * 1024 * 1024;
const NOTHING_SHARED: SpecSharing = { host: new Set(), joined: new Map(), sharedMemory: SHARED_MEMORY };
const CPU_DIRECTORY = '/sys/devices/system/cpu';

/** What a default depends on the host for. */
export interface SpecHost {
  /** The daemon's own hard limit of open files: a container cannot have more. */
  readonly nofileHard: Integer;
  /** Those of /sys/devices/system/cpu/cpuN/thermal_throttle that exist: they tell about the load of neighbours. */
  readonly thermalThrottle: readonly string[];
  /** The daemon's bounding set, bit N for capability N: nobody can be given more. Absent: all of them. */
  readonly boundingSet?: bigint;
}

/** Which namespaces are not its own, and what /dev/shm is. The network's is said apart. */
export interface SpecSharing {
  /** Types of which it has none, which is the host's. */
  readonly host: ReadonlySet<NamespaceType>;
  /** Those that it joins: by path. */
  readonly joined: ReadonlyMap<NamespaceType, string>;
  /** Bytes of a tmpfs of its own; or what is bound there, absolute; or nothing is mounted. */
  readonly sharedMemory: number | string | undefined;
}

export interface SpecDefaults {
  readonly host: SpecHost;
  readonly args: readonly string[];
  /** undefined: that of the host, with the UTS namespace of the host. */
  readonly hostname: string | undefined;
  /** Default: nothing is shared, and /dev/shm has 64 MiB. */
  readonly sharing?: SpecSharing;
  /** Appended to the default PATH (and TERM with a terminal); a name that stands there already wins. */
  readonly env?: readonly string[];
  /** Default "/". */
  readonly cwd?: string;
  /** Default 0:0. */
  readonly user?: User;
  readonly terminal?: boolean;
  /** "host" shares the host's network namespace, a path joins another; default: one of its own. */
  readonly network?: 'host' | { readonly type: NamespaceType; readonly path?: string };
  /** Full names; default the 14 of the default profile. Bounding, effective and permitted. */
  readonly capabilities?: readonly string[];
  /** The profile, from seccomp/default-profile.ts; undefined is unconfined. */
  readonly seccomp: Seccomp | undefined;
  readonly readonlyRoot?: boolean;
  /** No masks, writable /sys and /proc/sys, every device; of `capabilities`, all that this host can give. */
  readonly privileged?: boolean;
}

/** SpecHost of this machine: /proc/self/limits and /proc/self/status, proc(5), and sysfs. Throws what reading them throws. */
export function probeSpecHost(): SpecHost {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const hard = line?.[1] === undefined || line[1] === 'unlimited' ? NOFILE_HARD : Number(line[1]);
  const cpus = existsSync(CPU_DIRECTORY) ? readdirSync(CPU_DIRECTORY).filter((name) => /^cpu[0-9]+$/.test(name)) : [];
  const paths = cpus.map((name) => `${CPU_DIRECTORY}/${name}/thermal_throttle`);
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return {
    nofileHard: hard,
    thermalThrottle: paths.filter((path) => existsSync(path)),
    ...(bounding === undefined ? {} : { boundingSet: BigInt(`0x${bounding}`) }),
  };
}

export const DEFAULT_MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/selinux',
];

export const DEFAULT_READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

const CLOSED = ['nosuid', 'noexec', 'nodev'] as const;

function sharedMemory(wanted: SpecSharing['sharedMemory']): Mount[] {
  const destination = '/dev/shm';
  if (wanted === undefined) return [];
  if (typeof wanted === 'string') {
    return [{ destination, type: 'bind', source: wanted, options: ['bind', ...CLOSED, 'rw', 'rprivate'] }];
  }
  const size = wanted % 1024 === 0 ? `${String(wanted / 1024)}k` : String(wanted);
  const options = [...CLOSED, 'mode=1777', `size=${size}`];
  return [{ destination, type: 'tmpfs', source: 'shm', options }];
}

function defaultMounts({ privileged = false, sharing = NOTHING_SHARED }: SpecDefaults): Mount[] {
  const access = privileged ? 'rw' : 'ro';
  const closed = [...CLOSED];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: closed },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    ...sharedMemory(sharing.sharedMemory),
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: closed },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...closed, access] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...closed, 'relatime', access] },
  ];
}

/** `first`, then `second`; of one name the last counts, at the place of the first. */
export function mergeEnv(first: readonly string[], second: readonly string[]): string[] {
  const variables = new Map<string, string>();
  for (const variable of [...first, ...second]) {
    const at = variable.indexOf('=');
    variables.set(at < 0 ? variable : variable.slice(0, at), variable);
  }
  return [...variables.values()];
}

/** "Everything" is what the host has; a capability asked for by name is left to be refused by the kernel. */
function capabilitySet({ capabilities = DEFAULT_CAPABILITIES, privileged, host }: SpecDefaults): string[] {
  return privileged === true ? withinBoundingSet(capabilities, host.boundingSet) : [...capabilities];
}

function defaultProcess(from: SpecDefaults): Process {
  const sets = capabilitySet(from);
  const hard = from.host.nofileHard < NOFILE_HARD ? from.host.nofileHard : NOFILE_HARD;
  return {
    terminal: from.terminal ?? false,
    user: from.user ?? { uid: 0, gid: 0 },
    args: [...from.args],
    env: mergeEnv(from.terminal === true ? [PATH, 'TERM=xterm'] : [PATH], from.env ?? []),
    cwd: from.cwd ?? '/',
    capabilities: { bounding: sets, effective: sets, permitted: sets, inheritable: [], ambient: [] },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: hard < NOFILE_SOFT ? hard : NOFILE_SOFT, hard }],
    noNewPrivileges: false,
  };
}

function defaultLinux(from: SpecDefaults): Linux {
  const privileged = from.privileged ?? false;
  const types: NamespaceType[] = ['pid', 'ipc', 'uts', 'mount', 'cgroup'];
  const { network = { type: 'network' as const }, sharing = NOTHING_SHARED } = from;
  const namespaces = types
    .filter((type) => !sharing.host.has(type))
    .map((type) => ({ type, path: sharing.joined.get(type) }))
    .map(({ type, path }) => (path === undefined ? { type } : { type, path }));
  return {
    namespaces: [...namespaces, ...(network === 'host' ? [] : [network])],
    resources: {
      // The few that every container may reach are cgroups/device-rules.ts'.
      devices: [{ allow: privileged, access: 'rwm' }],
      pids: { limit: PIDS_LIMIT },
    },
    maskedPaths: privileged ? [] : [...DEFAULT_MASKED_PATHS, ...from.host.thermalThrottle],
    readonlyPaths: privileged ? [] : [...DEFAULT_READONLY_PATHS],
    ...(from.seccomp === undefined || privileged ? {} : { seccomp: from.seccomp }),
  };
}

/** The complete config.json of a container with the defaults. The root's path is the runner's to decide: "rootfs". */
export function defaultSpec(from: SpecDefaults): Spec {
  return {
    ociVersion: OCI_VERSION_MAX,
    root: { path: 'rootfs', readonly: from.readonlyRoot ?? false },
    ...(from.hostname === undefined ? {} : { hostname: from.hostname }),
    mounts: defaultMounts(from),
    process: defaultProcess(from),
    linux: defaultLinux(from),
  };
}

type Properties = Record<string, unknown>;

function merge(base: Properties, partial: Properties, field: string, depth: number): Properties {
  if (depth > MAX_JSON_DEPTH) throw new SpecError('oci', `nested deeper than ${String(MAX_JSON_DEPTH)}`);
  const result = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(partial)) {
    const name = below(field, key);
    if (key === '__proto__') throw new SpecError(name, 'is not allowed');
    const standing = result.get(key);
    if (value === null) result.delete(key);
    else if (isObject(value)) result.set(key, merge(isObject(standing) ? standing : {}, value, name, depth + 1));
    else result.set(key, value);
  }
  return Object.fromEntries(result);
}

/**
 * `partial` laid over `base`: objects key by key, anything else (lists too) replaced; null takes a default away
 * (RFC 7396). Neither is changed. The result is to be validated.
 */
export function mergeSpec(base: Spec, partial: unknown): unknown {
  if (!isObject(partial)) throw new SpecError('oci', 'an object is expected');
  return merge({ ...base }, partial, '', 1);
}
