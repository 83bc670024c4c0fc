/** What a host has or lacks that a config.json may ask for: found out once, so that compiling a plan touches no host. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { NamespaceType } from './spec/types.ts';

export interface HostFacts {
  /** AppArmor is in the kernel and enabled: profiles can be given. */
  readonly appArmor: boolean;
  /** SELinux is in the kernel and its file system is mounted: labels can be given. */
  readonly seLinux: boolean;
  /** Bit N for capability N of this process's bounding set: nobody it starts can have more. Absent where it is not known. */
  readonly boundingSet?: bigint;
  /** A tmpfs can be kept out of swap, option "noswap": since Linux 6.4. */
  readonly noSwap?: boolean;
  /** resctrl (Intel RDT, AMD QoS); absent where it is not mounted. */
  readonly resctrl?: Resctrl;
  /** Whether the namespace at this path is the one that this process is in. False where there is nothing at the path. */
  readonly isOwnNamespace: (type: NamespaceType, path: string) => boolean;
}

export interface Resctrl {
  /** Where it is mounted. */
  readonly mount: string;
  /** The text of `schemata` in the directory of a class; undefined where there is no such class. */
  readonly schemataOf: (directory: string) => string | undefined;
}

/** A host with none of it. */
export const BARE_HOST: HostFacts = { appArmor: false, seLinux: false, isOwnNamespace: () => false };

/** The files of /proc/PID/ns, namespaces(7). */
const NAMESPACE_FILES: Readonly<Record<NamespaceType, string>> = {
  pid: 'pid',
  network: 'net',
  mount: 'mnt',
  ipc: 'ipc',
  uts: 'uts',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
};

/** Two files of one namespace are one inode, ioctl_ns(2). */
function isOwnNamespace(type: NamespaceType, path: string): boolean {
  const [own, other] = [`/proc/self/ns/${NAMESPACE_FILES[type]}`, path].map((file) =>
    statSync(file, { bigint: true, throwIfNoEntry: false }),
  );
  return own !== undefined && own.ino === other?.ino && own.dev === other.dev;
}

/** The first mount of the file system `type` in mountinfo's text, proc_pid_mountinfo(5); undefined where there is none. */
function mountOf(type: string, mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [place = '', system = ''] = line.split(' - ');
    if (system.split(' ')[0] !== type) continue;
    const escaped = place.split(' ')[4];
    return escaped?.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
  }
  return undefined;
}

function isYes(path: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8').startsWith('Y');
}

/** CapBnd of proc_pid_status(5). */
function boundingSetOf(path: string): bigint | undefined {
  const digits = existsSync(path) ? /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync(path, 'utf8'))?.[1] : undefined;
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}

/** "6.18.5-cloud": at least this version. False where nothing is there to be read. */
function isKernelSince(path: string, major: number, minor: number): boolean {
  const numbers = existsSync(path) ? /^([0-9]+)\.([0-9]+)/.exec(readFileSync(path, 'utf8')) : null;
  const [here, below] = [Number(numbers?.[1] ?? 0), Number(numbers?.[2] ?? 0)];
  return here > major || (here === major && below >= minor);
}

function schemataOf(directory: string): string | undefined {
  const path = join(directory, 'schemata');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/**
 * This host, or the one whose /proc and /sys lie below `root`. A few small reads, below 1 ms.
 * Throws what reading /proc/self/mountinfo throws.
 */
export function probeHostFacts(root = '/'): HostFacts {
  const mountinfo = readFileSync(join(root, 'proc/self/mountinfo'), 'utf8');
  const mount = mountOf('resctrl', mountinfo);
  const bounding = boundingSetOf(join(root, 'proc/self/status'));
  return {
    appArmor: isYes(join(root, 'sys/module/apparmor/parameters/enabled')),
    seLinux: mountOf('selinuxfs', mountinfo) !== undefined,
    ...(bounding === undefined ? {} : { boundingSet: bounding }),
    noSwap: isKernelSince(join(root, 'proc/sys/kernel/osrelease'), 6, 4),
    ...(mount === undefined ? {} : { resctrl: { mount, schemataOf } }),
    isOwnNamespace,
  };
}
