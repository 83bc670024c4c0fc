/** Kernel parameters that a container may have of its own, and their paths below /proc/sys. */
import type { NamespaceType } from './types.ts';

/** Lower-case words, digits, "_" and "-" between dots or slashes; interface names may hold capitals and colons. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_:@.-]*$/;
/** What numbers, lists, ranges and names need. No "=", "+" or line break: nothing that a tool might read as two settings. */
const VALUE = /^[A-Za-z0-9 \t,.:_/-]{0,1024}$/;

const IPC_KEYS: ReadonlySet<string> = new Set([
  'kernel/msgmax',
  'kernel/msgmnb',
  'kernel/msgmni',
  'kernel/msg_next_id',
  'kernel/sem',
  'kernel/sem_next_id',
  'kernel/shmall',
  'kernel/shmmax',
  'kernel/shmmni',
  'kernel/shm_next_id',
  'kernel/shm_rmid_forced',
]);

/**
 * The path below /proc/sys that `key` names, or undefined where it names none. As in sysctl(8): what separates first
 * ("." or "/") is the separator, and the other one stands for it inside a segment, so that
 * "net/ipv4/conf/eth0.1/rp_filter" and "net.ipv4.conf.eth0/1.rp_filter" are one.
 */
export function sysctlPath(key: string): string | undefined {
  const first = /[./]/.exec(key)?.[0];
  if (first === undefined || key.length > 255) return undefined;
  const segments = key.split(first);
  const names = first === '.' ? segments.map((segment) => segment.replaceAll('/', '.')) : segments;
  return names.every((name) => SEGMENT.test(name) && !name.includes('..')) ? names.join('/') : undefined;
}

/** The namespace that the parameter at `path` belongs to; undefined for one of the whole host. */
export function sysctlNamespace(path: string): NamespaceType | undefined {
  if (IPC_KEYS.has(path) || path.startsWith('fs/mqueue/')) return 'ipc';
  if (path.startsWith('net/')) return 'network';
  if (path === 'kernel/domainname') return 'uts';
  return undefined;
}

export function isSysctlValue(value: string): boolean {
  return VALUE.test(value);
}
