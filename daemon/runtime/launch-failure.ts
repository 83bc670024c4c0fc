/** A failed launch in words, the same for the daemon and tare-oci: the operation, what it does, errno, path, and a hint where we know one. */
import { errnoName } from '../../native-bindings/errno.ts';
import { describeOperation } from './plan/describe.ts';
import type { Operation, Plan } from './plan/operations.ts';

/** What the shim said, or what init wrote into its result pipe. `operation`: index in the plan, -1 for none. */
export interface LaunchFailure {
  readonly operation: number | bigint;
  readonly step: string;
  readonly errno: number | bigint;
  readonly path: string;
}

export interface DescribedFailure {
  readonly kind: 'command_not_found' | 'command_not_executable' | 'disk_full' | 'launch_failed';
  readonly message: string;
  readonly hint?: string;
  /** Absent where no operation was at fault. */
  readonly operation?: {
    readonly index: number;
    readonly name: Operation['op'];
    readonly step: string;
    readonly errno: string;
    readonly path: string;
  };
}

/**
 * As strerror(3) says them. Whoever calls a runtime finds out from these words what kind of failure it was: podman and
 * dockerd make 126 and 127 of them.
 */
const ERRNO_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  EEXIST: 'file exists',
  EROFS: 'read-only file system',
  ELOOP: 'too many levels of symbolic links',
  ENODEV: 'no such device',
  ENOEXEC: 'exec format error',
  ENOSPC: 'no space left on device',
  ENOMEM: 'cannot allocate memory',
  EINVAL: 'invalid argument',
  EBUSY: 'device or resource busy',
  E2BIG: 'argument list too long',
};

interface Hint {
  /** Names of operations; absent: any. */
  readonly operations?: readonly Operation['op'][];
  readonly errno: string;
  readonly hint: string;
}

/** The first that fits. */
const HINTS: readonly Hint[] = [
  {
    operations: ['exec', 'find_executable'],
    errno: 'ENOENT',
    hint: 'is the command in the root file system and its PATH, and the interpreter or dynamic loader it names?',
  },
  {
    operations: ['exec', 'find_executable'],
    errno: 'EACCES',
    hint: 'the file must be executable for the user, on a mount without noexec',
  },
  {
    operations: ['exec', 'find_executable'],
    errno: 'ENOEXEC',
    hint: 'the file is neither a program for this machine nor a script that starts with #!',
  },
  { operations: ['exec', 'find_executable'], errno: 'E2BIG', hint: 'arguments and environment together are too long' },
  { operations: ['bind', 'bind_tree'], errno: 'ENOENT', hint: 'the source of a bind mount must exist on the host' },
  {
    operations: ['bind', 'mount', 'directory'],
    errno: 'EROFS',
    hint: 'the target does not exist in a read-only root file system: create it there',
  },
  {
    operations: ['root_overlay', 'root_overlay_tmpfs', 'root_bind', 'overlay_tree'],
    errno: 'ENOENT',
    hint: 'the rootfs directory, or a layer of the image, is gone',
  },
  {
    operations: ['root_overlay', 'overlay_tree'],
    errno: 'EINVAL',
    hint: 'the engine\'s root may lie on a file system that cannot be an upper layer (overlayfs, NFS): use upper "tmpfs"',
  },
  {
    operations: ['root_overlay', 'root_overlay_tmpfs'],
    errno: 'ELOOP',
    hint: 'the layers of an overlay must not contain each other',
  },
  { operations: ['working_directory'], errno: 'ENOENT', hint: 'the working directory does not exist in the container' },
  { operations: ['working_directory'], errno: 'ENOTDIR', hint: 'the working directory is not a directory' },
  { operations: ['cgroup_write'], errno: 'EINVAL', hint: 'the kernel does not take this limit' },
  { operations: ['cgroup_write'], errno: 'EBUSY', hint: 'the limit is below what is in use' },
  {
    operations: ['cgroup_make', 'cgroup_write'],
    errno: 'EROFS',
    hint: 'the cgroup file system is read-only: is this an unprivileged container itself?',
  },
  { operations: ['sysctl'], errno: 'ENOENT', hint: 'this kernel does not have the sysctl' },
  { operations: ['rlimit'], errno: 'EPERM', hint: 'the limit is above what this process itself may set' },
  { operations: ['clone'], errno: 'EINVAL', hint: 'this kernel lacks one of the namespaces asked for' },
  { operations: ['clone'], errno: 'ENOSPC', hint: 'the limit of namespaces is reached: see /proc/sys/user' },
  { errno: 'EMFILE', hint: 'the limit of open files is reached' },
  { errno: 'ENOSPC', hint: 'the disk, or a limit of the kernel, is full' },
  { errno: 'ENOMEM', hint: 'memory is exhausted, or the memory limit is too small to start anything' },
  { errno: 'EPERM', hint: 'a privilege is lacking for this: does it run as real root?' },
];

/** `plan`: the one that was run. */
export function describeFailure(failure: LaunchFailure, plan: Plan): DescribedFailure {
  const index = Number(failure.operation);
  const operation = index >= 0 ? plan[index] : undefined;
  const errno = errnoName(Number(failure.errno));
  const { step, path } = failure;
  if (operation === undefined) {
    const message = [step, path, inWords(errno)].filter((part) => part !== '').join(' ');
    return { kind: 'launch_failed', message, ...hintFor(undefined, errno) };
  }
  return {
    ...wordsFor(operation, failure, errno),
    ...hintFor(operation, errno),
    operation: { index, name: operation.op, step, errno, path },
  };
}

/** "no such file or directory: ENOENT"; the name alone where we have no words for it. */
function inWords(errno: string): string {
  const words = ERRNO_WORDS[errno];
  return words === undefined ? errno : `${words}: ${errno}`;
}

function wordsFor(
  operation: Operation,
  { step, path }: LaunchFailure,
  errno: string,
): Pick<DescribedFailure, 'kind' | 'message'> {
  if (operation.op === 'exec' || operation.op === 'find_executable') {
    const command = operation.op === 'exec' ? (operation.argv[0] ?? '') : operation.file;
    const what = `exec ${JSON.stringify(command)}`;
    if (errno === 'ENOENT') {
      const reason = command.includes('/') ? `: ${inWords(errno)}` : ` in $PATH: ${errno}`;
      return { kind: 'command_not_found', message: `${what}: executable file not found${reason}` };
    }
    if (['EACCES', 'ENOEXEC', 'EISDIR', 'ENOTDIR'].includes(errno)) {
      const reason = errno === 'ENOEXEC' ? inWords(errno) : `permission denied: ${errno}`;
      return { kind: 'command_not_executable', message: `${what}: ${reason}` };
    }
  }
  const what = describeOperation(operation);
  const place = path === '' || what.includes(path) ? '' : ` (${path})`;
  const reason = [inWords(errno), step === '' ? '' : `in ${step}`].filter((part) => part !== '').join(' ');
  return { kind: errno === 'ENOSPC' ? 'disk_full' : 'launch_failed', message: `${what}${place}: ${reason}` };
}

function hintFor(operation: Operation | undefined, errno: string): { hint?: string } {
  const found = HINTS.find(
    (hint) =>
      hint.errno === errno &&
      (hint.operations === undefined || (operation !== undefined && hint.operations.includes(operation.op))),
  );
  return found === undefined ? {} : { hint: found.hint };
}
