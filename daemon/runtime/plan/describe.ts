import { RLIMITS } from '../spec/rlimits.ts';
import { CLONE_FLAGS } from './kernel.ts';
import type { Operation } from './operations.ts';

/** RLIMIT_NOFILE for 7; the number where it has no name. */
function rlimitName(resource: number | bigint): string {
  for (const [name, number] of RLIMITS) if (number === Number(resource)) return name;
  return `rlimit ${String(resource)}`;
}

/** "network" for CLONE_NEWNET; the number where it has no name. */
function namespaceName(type: number | bigint): string {
  for (const [name, flag] of Object.entries(CLONE_FLAGS)) if (flag === Number(type)) return name;
  return String(type);
}

/** The last component of a path: the file of a control group. */
function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * What an operation does, in the few words that error messages begin with: `mount /proc/sys read-only`,
 * `mount proc at /proc`, `bind /src on /dst`, `write cgroup memory.max`.
 */
// One case an operation: the compiler holds it complete, and a table of functions would say the same in more lines.
export function describeOperation(operation: Operation): string {
  switch (operation.op) {
    case 'cgroup_make':
      return `make cgroup ${operation.host}`;
    case 'cgroup_write':
      return `write cgroup ${fileName(operation.host)}`;
    case 'cgroup_join':
    case 'cgroup_into':
      return `join cgroup ${operation.host}`;
    case 'cgroup_own':
      return `give cgroup ${operation.host} to user ${String(operation.uid)}`;
    case 'cgroup_devices':
      return `restrict devices of cgroup ${operation.host}`;
    case 'birth_namespace':
    case 'namespace_join':
      return `join ${namespaceName(operation.type)} namespace ${operation.host}`;
    case 'pid_namespace_of_init':
      return 'join pid namespace of the container';
    case 'clone':
      return 'create process';
    case 'uid_map':
      return 'map user ids';
    case 'gid_map':
      return 'map group ids';
    case 'oom_score_adj':
      return `set oom_score_adj to ${operation.value}`;
    case 'connect':
      return `connect to ${operation.host}`;
    case 'start_pipe':
      return `open start pipe ${operation.start}`;
    case 'container_init':
      return `reach the container's process ${String(operation.pid)}`;
    case 'bind_tree':
      return `${operation.user_namespace === '' ? 'clone' : 'id-map'} ${operation.source}`;
    case 'overlay_tree':
      return `mount overlay of ${operation.lower.join(':')}`;
    case 'joined_tree':
      return `share ${operation.path} of the container that is joined`;
    case 'await_settled':
      return 'wait for the host side of the start';
    case 'await_go':
    case 'await_start':
      return 'wait for the start';
    case 'join_init':
      return 'join the namespaces of the container';
    case 'become_root':
      return 'become root of the user namespace';
    case 'time_namespace':
      return 'make time namespace';
    case 'cgroup_namespace':
      return 'make cgroup namespace';
    case 'loopback_up':
      return 'bring loopback up';
    case 'outlive_shim':
      return 'outlive the shim';
    case 'preserve_descriptors':
      return `preserve ${String(operation.count)} descriptors`;
    case 'root_propagation':
      return 'set propagation of the root';
    case 'root_overlay':
    case 'root_overlay_tmpfs':
      return `mount overlay of ${operation.lower.join(':')} as root`;
    case 'root_bind':
      return `bind ${operation.source} as root`;
    case 'root_tree':
      return 'attach the overlay as root';
    case 'root_directory':
      return `take ${operation.source} as root`;
    case 'private_parent':
      return `make the mount of ${operation.at} private`;
    case 'mount':
      return `mount ${operation.type} at ${operation.target}`;
    case 'bind':
      return `bind ${operation.source} on ${operation.target}`;
    case 'mount_attributes':
      return `set mount attributes of ${operation.target}`;
    case 'file':
      return `write ${operation.path}`;
    case 'directory':
      return `make directory ${operation.path}`;
    case 'symlink':
      return `make symlink ${operation.path}`;
    case 'device':
      return `make device ${operation.path}`;
    case 'device_bind':
      return `bind device ${operation.source} on ${operation.path}`;
    case 'masked':
      return `mask ${operation.path}`;
    case 'readonly':
      return `mount ${operation.path} read-only`;
    case 'terminal':
      return 'open terminal';
    case 'pivot_root':
    case 'move_root':
    case 'change_root':
      return 'enter root';
    case 'sysctl':
      return `set sysctl ${operation.key.replaceAll('/', '.')}`;
    case 'hostname':
      return `set hostname ${operation.name}`;
    case 'domainname':
      return `set domainname ${operation.name}`;
    case 'rlimit':
      return `set ${rlimitName(operation.resource)} to ${String(operation.soft)}:${String(operation.hard)}`;
    case 'keyring':
      return 'make session keyring';
    case 'umask':
      return 'set umask';
    case 'bounding_set':
      return 'reduce bounding set';
    case 'user':
      return `become user ${String(operation.uid)}:${String(operation.gid)}`;
    case 'capabilities':
      return 'set capabilities';
    case 'no_new_privs':
      return 'set no_new_privs';
    case 'label':
      return `set ${operation.file} label to ${operation.value}`;
    case 'system_call':
      return `call ${operation.name}`;
    case 'seccomp':
    case 'seccomp_notify':
      return 'load seccomp filter';
    case 'working_directory':
      return `change directory to ${operation.path}`;
    case 'environment':
      return 'set environment';
    case 'reaper':
      return 'leave a process that reaps';
    case 'find_executable':
      return `exec ${operation.file}`;
    case 'exec':
      return `exec ${operation.file === '' ? (operation.argv[0] ?? '') : operation.file}`;
  }
}
