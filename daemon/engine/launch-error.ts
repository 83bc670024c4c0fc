/** A failed launch as the user is told of it: the operation, what it does, errno, path, and a hint where we know one. */
import { errnoName } from '../../native-bindings/errno.ts';
import { decodePlan } from '../runtime/plan/decode.ts';
import { describeOperation } from '../runtime/plan/describe.ts';
import type { Operation } from '../runtime/plan/operations.ts';
import type { LaunchFailure } from '../shim/types.ts';
import { EngineError, type ErrorCode } from './errors.ts';

interface Hint {
  /** Names of operations; absent: any. */
  readonly operations?: readonly Operation['op'][];
  readonly errno: string;
  readonly hint: string;
}

/** The first that fits. */
const HINTS: readonly Hint[] = [
  {
    operations: ['exec'],
    errno: 'ENOENT',
    hint: 'is the command in the root file system and its PATH, and the interpreter or dynamic loader it names?',
  },
  {
    operations: ['exec'],
    errno: 'EACCES',
    hint: 'the file must be executable for the user, on a mount without noexec',
  },
  {
    operations: ['exec'],
    errno: 'ENOEXEC',
    hint: 'the file is neither a program for this machine nor a script that starts with #!',
  },
  { operations: ['exec'], errno: 'E2BIG', hint: 'arguments and environment together are too long' },
  { operations: ['bind'], errno: 'ENOENT', hint: 'the source of a bind mount must exist on the host' },
  {
    operations: ['bind', 'mount', 'directory'],
    errno: 'EROFS',
    hint: 'the target does not exist in a read-only root file system: create it there',
  },
  {
    operations: ['root_overlay', 'root_overlay_tmpfs', 'root_bind'],
    errno: 'ENOENT',
    hint: 'the rootfs directory is gone',
  },
  {
    operations: ['root_overlay'],
    errno: 'EINVAL',
    hint: 'the daemon\'s root may lie on a file system that cannot be an upper layer (overlayfs, NFS): use upper "tmpfs"',
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
    hint: 'the cgroup file system is read-only: is tared itself in an unprivileged container?',
  },
  { operations: ['sysctl'], errno: 'ENOENT', hint: 'this kernel does not have the sysctl' },
  { operations: ['rlimit'], errno: 'EPERM', hint: 'the limit is above what the daemon itself may set' },
  { operations: ['clone'], errno: 'EINVAL', hint: 'this kernel lacks one of the namespaces asked for' },
  { operations: ['clone'], errno: 'ENOSPC', hint: 'the limit of namespaces is reached: see /proc/sys/user' },
  { errno: 'EMFILE', hint: 'the limit of open files is reached' },
  { errno: 'ENOSPC', hint: 'the disk, or a limit of the kernel, is full' },
  { errno: 'ENOMEM', hint: 'memory is exhausted, or the memory limit is too small to start anything' },
  { errno: 'EPERM', hint: 'the daemon lacks a privilege for this: does it run as real root?' },
];

/** `name`: of the container, or "exec …". */
export function launchError(failure: LaunchFailure, plan: Uint8Array, name: string): EngineError {
  const index = Number(failure.operation);
  const operation = index >= 0 ? decodePlan(plan)[index] : undefined;
  const errno = errnoName(Number(failure.errno));
  const { step, path } = failure;
  if (operation === undefined) {
    const what = [step, path, errno].filter((part) => part !== '').join(' ');
    return new EngineError('launch_failed', `cannot start ${name}: ${what}`, hintFor(undefined, errno));
  }
  const details = { operation: { index, name: operation.op, step, errno, path }, ...hintFor(operation, errno) };
  const { code, message } = wordsFor(operation, failure, errno);
  return new EngineError(code, `cannot start ${name}: ${message}`, details);
}

function wordsFor(operation: Operation, failure: LaunchFailure, errno: string): { code: ErrorCode; message: string } {
  const { step, path } = failure;
  const what = describeOperation(operation);
  if (operation.op === 'exec' && errno === 'ENOENT') {
    return {
      code: 'command_not_found',
      message: `exec "${operation.argv[0] ?? ''}": executable file not found: ${errno}`,
    };
  }
  if (
    operation.op === 'exec' &&
    (errno === 'EACCES' || errno === 'ENOEXEC' || errno === 'EISDIR' || errno === 'ENOTDIR')
  ) {
    const reason = errno === 'ENOEXEC' ? 'exec format error' : 'permission denied';
    return { code: 'command_not_executable', message: `exec "${operation.argv[0] ?? ''}": ${reason}: ${errno}` };
  }
  const place = path === '' || what.includes(path) ? '' : ` (${path})`;
  const reason = [errno, step === '' ? '' : `in ${step}`].filter((part) => part !== '').join(' ');
  return { code: errno === 'ENOSPC' ? 'disk_full' : 'launch_failed', message: `${what}${place}: ${reason}` };
}

function hintFor(operation: Operation | undefined, errno: string): { hint?: string } {
  const found = HINTS.find(
    (hint) =>
      hint.errno === errno &&
      (hint.operations === undefined || (operation !== undefined && hint.operations.includes(operation.op))),
  );
  return found === undefined ? {} : { hint: found.hint };
}
