/**
 * The OCI runtime specification 1.3.0 as types: config.json, its Linux part.
 * https://github.com/opencontainers/runtime-spec/tree/v1.3.0
 *
 * An integer is a number where it is safe and a bigint beyond 2^53 (spec/json.ts reads it so).
 */

export type Integer = number | bigint;

export interface Spec {
  ociVersion: string;
  root?: Root;
  mounts?: Mount[];
  process?: Process;
  hostname?: string;
  domainname?: string;
  hooks?: Hooks;
  annotations?: Record<string, string>;
  linux?: Linux;
}

export interface Root {
  path: string;
  readonly?: boolean;
}

export interface IdMapping {
  containerID: Integer;
  hostID: Integer;
  size: Integer;
}

export interface Mount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

export interface Process {
  terminal?: boolean;
  consoleSize?: { height: Integer; width: Integer };
  cwd: string;
  env?: string[];
  args?: string[];
  rlimits?: { type: string; soft: Integer; hard: Integer }[];
  apparmorProfile?: string;
  selinuxLabel?: string;
  capabilities?: CapabilitySets;
  noNewPrivileges?: boolean;
  oomScoreAdj?: Integer;
  scheduler?: Scheduler;
  ioPriority?: { class: string; priority?: Integer };
  execCPUAffinity?: { initial?: string; final?: string };
  user?: User;
}

export interface Scheduler {
  policy: string;
  nice?: Integer;
  priority?: Integer;
  flags?: string[];
  runtime?: Integer;
  deadline?: Integer;
  period?: Integer;
}

export interface User {
  uid: Integer;
  gid: Integer;
  umask?: Integer;
  additionalGids?: Integer[];
}

export interface CapabilitySets {
  bounding?: string[];
  effective?: string[];
  inheritable?: string[];
  permitted?: string[];
  ambient?: string[];
}

export interface Hook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: Integer;
}

/** In the order of a container's life, config.md#posix-platform-hooks. */
export const HOOK_KINDS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
export type HookKind = (typeof HOOK_KINDS)[number];

export type Hooks = Partial<Record<HookKind, Hook[]>>;

export const NAMESPACE_TYPES = ['pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time'] as const;
export type NamespaceType = (typeof NAMESPACE_TYPES)[number];

export interface Linux {
  namespaces?: { type: NamespaceType; path?: string }[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  timeOffsets?: Partial<Record<'boottime' | 'monotonic', { secs?: Integer; nanosecs?: Integer }>>;
  devices?: Device[];
  netDevices?: Record<string, { name?: string }>;
  cgroupsPath?: string;
  resources?: Resources;
  rootfsPropagation?: string;
  seccomp?: Seccomp;
  sysctl?: Record<string, string>;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  intelRdt?: IntelRdt;
  personality?: { domain: string; flags?: string[] };
  memoryPolicy?: MemoryPolicy;
}

export interface IntelRdt {
  closID?: string;
  schemata?: string[];
  l3CacheSchema?: string;
  memBwSchema?: string;
  enableMonitoring?: boolean;
}

export interface MemoryPolicy {
  mode: string;
  nodes?: string;
  flags?: string[];
}

export interface Device {
  path: string;
  /** "c" or "u", "b", "p". */
  type: string;
  major?: Integer;
  minor?: Integer;
  fileMode?: Integer;
  uid?: Integer;
  gid?: Integer;
}

export interface DeviceRule {
  allow: boolean;
  /** "a", "c" or "b"; absent is "a". */
  type?: string;
  /** Absent is any. */
  major?: Integer;
  minor?: Integer;
  /** Letters of "rwm". */
  access?: string;
}

export interface Resources {
  devices?: DeviceRule[];
  memory?: {
    limit?: Integer;
    reservation?: Integer;
    swap?: Integer;
    kernel?: Integer;
    kernelTCP?: Integer;
    swappiness?: Integer;
    disableOOMKiller?: boolean;
    useHierarchy?: boolean;
    checkBeforeUpdate?: boolean;
  };
  cpu?: {
    shares?: Integer;
    quota?: Integer;
    burst?: Integer;
    period?: Integer;
    realtimeRuntime?: Integer;
    realtimePeriod?: Integer;
    cpus?: string;
    mems?: string;
    idle?: Integer;
  };
  pids?: { limit: Integer };
  blockIO?: {
    weight?: Integer;
    leafWeight?: Integer;
    weightDevice?: { major: Integer; minor: Integer; weight?: Integer; leafWeight?: Integer }[];
    throttleReadBpsDevice?: ThrottleDevice[];
    throttleWriteBpsDevice?: ThrottleDevice[];
    throttleReadIOPSDevice?: ThrottleDevice[];
    throttleWriteIOPSDevice?: ThrottleDevice[];
  };
  hugepageLimits?: { pageSize: string; limit: Integer }[];
  network?: { classID?: Integer; priorities?: { name: string; priority: Integer }[] };
  rdma?: Record<string, { hcaHandles?: Integer; hcaObjects?: Integer }>;
  unified?: Record<string, string>;
}

export interface ThrottleDevice {
  major: Integer;
  minor: Integer;
  rate: Integer;
}

/** SCMP_ACT_*; `SCMP_ACT_KILL` is the older name of `SCMP_ACT_KILL_THREAD`. */
export const ACTIONS = [
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
  'SCMP_ACT_NOTIFY',
] as const;

export const OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;

export interface Seccomp {
  defaultAction: string;
  defaultErrnoRet?: Integer;
  architectures?: string[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: SeccompRule[];
}

export interface SeccompRule {
  names: string[];
  action: string;
  errnoRet?: Integer;
  args?: { index: Integer; value: Integer; valueTwo?: Integer; op: string }[];
}
