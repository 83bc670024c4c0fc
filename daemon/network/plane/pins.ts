/** Namespaces of a container bound to files of the host: others join them by these, also when nobody is in them. */
import { closeSync, constants, lstatSync, mkdirSync, openSync, statfsSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { bindOver, unbind } from '../../../native-bindings/bind-mount.ts';
import { errnoName } from '../../../native-bindings/errno.ts';
import { SystemError } from '../../../native-bindings/libc.ts';

/** NSFS_MAGIC of include/uapi/linux/magic.h. */
const NSFS = 0x6e736673;
const O_PATH = 0o10000000;
const EINVAL = 22;

/** `message` names the path. */
export class PinError extends Error {
  override name = 'PinError';
  /** Of the kernel's refusal, such as "EINVAL"; undefined where it was not asked. */
  readonly code: string | undefined;

  constructor(path: string, problem: string, options?: ErrorOptions & { readonly code?: string }) {
    super(`${path}: ${problem}`, options);
    this.code = options?.code;
  }
}

const isNamespace = (fd: number): boolean => statfsSync(`/proc/self/fd/${String(fd)}`).type === NSFS;

function codeOf(error: unknown): string | undefined {
  if (error instanceof SystemError) return errnoName(error.errno);
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/**
 * Binds the namespace `namespace`, such as "/proc/12/ns/net", to `path`: an empty file, which is made where there is
 * none, with its directories. A link at `path` is not followed.
 *
 * A mount namespace asks for more (fs/namespace.c, check_for_nsfs_mounts and copy_tree): it must have been made after
 * the one that this process is in (ELOOP, EINVAL of older kernels), and the mount that `path` is on must not propagate:
 * private, or shared with nobody (EINVAL), for the others would hold the namespace too.
 *
 * @throws PinError
 */
export function pin(namespace: string, path: string): void {
  let file: number | undefined;
  let target: number | undefined;
  let isMade = false;
  try {
    file = openSync(namespace, constants.O_RDONLY);
    if (!isNamespace(file)) throw new PinError(path, `${namespace} is no namespace`);
    mkdirSync(dirname(path), { recursive: true });
    [target, isMade] = openTarget(path);
    bindOver(file, target);
  } catch (error) {
    if (isMade) unlinkSync(path);
    if (error instanceof PinError) throw error;
    const code = codeOf(error);
    const isOfMounts = namespace.endsWith('/mnt') && error instanceof SystemError && error.errno === EINVAL;
    const hint = isOfMounts ? ': a mount namespace can only be bound on a private mount' : '';
    throw new PinError(path, `cannot bind ${namespace}: ${code ?? String(error)}${hint}`, {
      cause: error,
      ...(code !== undefined && { code }),
    });
  } finally {
    for (const fd of [file, target]) if (fd !== undefined) closeSync(fd);
  }
}

/** The file, and whether it was made. What holds something, or is bound to already, is somebody else's. */
function openTarget(path: string): [fd: number, isMade: boolean] {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY } = constants;
  try {
    return [openSync(path, O_RDONLY | O_NOFOLLOW | O_CREAT | O_EXCL, 0o444), true];
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  // O_PATH: a FIFO or a device is not opened.
  const fd = openSync(path, O_PATH | O_NOFOLLOW);
  try {
    if (isNamespace(fd)) throw new PinError(path, 'a namespace is bound there already', { code: 'EEXIST' });
    if (!isEmptyFile(path)) throw new PinError(path, 'is not an empty file', { code: 'EEXIST' });
    return [fd, false];
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function isEmptyFile(path: string): boolean {
  const found = lstatSync(path);
  return found.isFile() && found.size === 0;
}

/**
 * Takes what pin() made away: the mount, where a namespace is bound to `path`, and the empty file below it. Anything
 * else that stands there stays. Also where nothing is (any more).
 *
 * @throws PinError
 */
export function unpin(path: string): void {
  let root: number | undefined;
  try {
    root = openSync(path, O_PATH | constants.O_NOFOLLOW);
    if (isNamespace(root)) unbind(root);
    if (isEmptyFile(path)) unlinkSync(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return;
    throw new PinError(path, `cannot be unpinned: ${code ?? String(error)}`, {
      cause: error,
      ...(code !== undefined && { code }),
    });
  } finally {
    if (root !== undefined) closeSync(root);
  }
}
