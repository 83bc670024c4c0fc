/** The config.json that the conformance programs start from: what engines ask of a runtime for an ordinary container. */

export interface Namespace {
  type: string;
  path?: string;
}

export interface Mount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface Hook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/** What these programs set and read. All else of a config.json is `unknown` to them. */
export interface Spec {
  [name: string]: unknown;
  ociVersion: string;
  hostname?: string;
  annotations?: Record<string, string>;
  root: { path: string; readonly?: boolean };
  process?: {
    [name: string]: unknown;
    args: string[];
    cwd: string;
    env: string[];
    user: { uid: number; gid: number; additionalGids?: number[]; umask?: number };
    capabilities: Record<string, string[]>;
    rlimits: { type: string; hard: number; soft: number }[];
    oomScoreAdj?: number;
    noNewPrivileges?: boolean;
  };
  mounts: Mount[];
  hooks?: Record<string, Hook[]>;
  linux: {
    [name: string]: unknown;
    namespaces: Namespace[];
    resources: { [name: string]: unknown; devices: Record<string, unknown>[] };
    uidMappings?: IdMapping[];
    gidMappings?: IdMapping[];
    sysctl?: Record<string, string>;
    devices?: {
      path: string;
      type: string;
      major?: number;
      minor?: number;
      fileMode?: number;
      uid?: number;
      gid?: number;
    }[];
    maskedPaths?: string[];
    readonlyPaths?: string[];
    rootfsPropagation?: string;
    cgroupsPath?: string;
  };
}

export const CAPABILITY_SETS = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const;
const CAPABILITIES =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE';

const MOUNTS: Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/** Root is the bundle itself; five new namespaces; no device beyond the default ones; every capability set the same. */
export function ordinarySpec(args: string[]): Spec {
  const names = CAPABILITIES.split(' ').map((name) => `CAP_${name}`);
  return {
    ociVersion: '1.0.2',
    hostname: 'ordinary',
    root: { path: '.' },
    process: {
      args,
      cwd: '/',
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      user: { uid: 0, gid: 0 },
      capabilities: Object.fromEntries(CAPABILITY_SETS.map((set) => [set, [...names]])),
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    },
    mounts: structuredClone(MOUNTS),
    linux: {
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
        syscalls: [{ names: ['keyctl', 'add_key', 'a_call_of_the_future'], action: 'SCMP_ACT_ERRNO' }],
      },
    },
  };
}
