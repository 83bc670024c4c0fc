/** Labels of security modules: AppArmor profiles and SELinux contexts, of the process and of what is mounted. */
import type { HostFacts } from '../host-facts.ts';
import { SpecError } from '../spec/error.ts';
import type { Linux, Process } from '../spec/types.ts';
import type { Operation } from './operations.ts';

/** What AppArmor calls no profile at all. */
const UNCONFINED = 'unconfined';

function appArmor(profile: string, host: HostFacts, field: string): Operation[] {
  if (profile === '') return [];
  if (host.appArmor) return [{ op: 'label', file: 'apparmor/exec', value: `exec ${profile}` }];
  if (profile === UNCONFINED) return [];
  throw new SpecError(field, `this host has no AppArmor, which "${profile}" is a profile of`, 'unsupported');
}

function requireSeLinux(host: HostFacts, field: string): void {
  if (!host.seLinux) throw new SpecError(field, 'this host has no SELinux', 'unsupported');
}

/** What the user's program is labelled with at execve. While init still may, and has procfs. `field`: the process's. */
export function compileLabels(wanted: Process, host: HostFacts, field: string): Operation[] {
  const { apparmorProfile = '', selinuxLabel = '' } = wanted;
  const operations = appArmor(apparmorProfile, host, `${field}.apparmorProfile`);
  if (selinuxLabel === '') return operations;
  requireSeLinux(host, `${field}.selinuxLabel`);
  return [...operations, { op: 'label', file: 'exec', value: selinuxLabel }];
}

/** The keyring is made with the label of the process: the program could not use it otherwise. `name` "": none is made. */
export function compileKeyring(wanted: Process, name: string): Operation[] {
  if (name === '') return [];
  const keyring: Operation = { op: 'keyring', name };
  const { selinuxLabel: value = '' } = wanted;
  if (value === '') return [keyring];
  // A line break takes it back, security/selinux/hooks.c: selinux_lsm_setattr.
  return [{ op: 'label', file: 'keycreate', value }, keyring, { op: 'label', file: 'keycreate', value: '\n' }];
}

/** The kernel gives these their labels itself, and takes no other. */
const LABELLED_BY_KERNEL: ReadonlySet<string> = new Set(['proc', 'sysfs', 'cgroup', 'cgroup2', 'selinuxfs']);

/** `linux.mountLabel` as an option of a new file system of `type`; undefined where it has none. */
export function mountContext(linux: Linux | undefined, type: string, host: HostFacts): string | undefined {
  const label = linux?.mountLabel ?? '';
  if (label === '') return undefined;
  requireSeLinux(host, 'linux.mountLabel');
  return LABELLED_BY_KERNEL.has(type) ? undefined : `context=${label}`;
}
