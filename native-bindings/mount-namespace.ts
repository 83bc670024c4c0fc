/**
 * The mount namespace of one thread, unshare(2) and setns(2). The thread has to be nobody else's: a worker of
 * node:worker_threads, whose synchronous calls are made by itself. What Node does on its pool of threads stays outside.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { O_CLOEXEC, O_PATH, openAt } from './directory-entries.ts';
import { systemCall } from './libc.ts';
import { makeAllSlaves } from './mounts.ts';

const CLONE_NEWNS = 0x20000;
const CLONE_FS = 0x200;
const AT_FDCWD = -100;

const unshare = systemCall<[flags: number]>('int unshare(int flags)');
const setns = systemCall<[fd: number, type: number]>('int setns(int fd, int type)');
const fchdir = systemCall<[fd: number]>('int fchdir(int fd)');
const chroot = systemCall<[path: string]>('int chroot(const char *path)');

const DIRECTORY = O_PATH | O_CLOEXEC | constants.O_DIRECTORY;

/** A thread that could not come back to where it was must not go on: it sees another tree. */
export class LostThread extends Error {
  override name = 'LostThread';
}

/** The way back to the mount namespace and root that the thread has now. */
class Home {
  private readonly namespace = openSync('/proc/thread-self/ns/mnt', constants.O_RDONLY | O_CLOEXEC);
  private readonly root = openSync('/', DIRECTORY);

  /** Once. Throws LostThread. */
  back(): void {
    try {
      setns(this.namespace, CLONE_NEWNS);
      // setns went to the root of the namespace, which need not be the process's
      fchdir(this.root);
      chroot('.');
    } catch (error) {
      throw new LostThread('a thread could not come back from a mount namespace', { cause: error });
    } finally {
      closeSync(this.namespace);
      closeSync(this.root);
    }
  }
}

/**
 * From here on the thread is in a mount namespace of its own, in which mounts of the host come and go as there, and
 * nothing that is mounted is seen outside. Returns what leads back; then the namespace goes with all that was mounted,
 * unless a descriptor of it is open. Throws SystemError.
 */
export function enterOwnMounts(): () => void {
  const home = new Home();
  try {
    unshare(CLONE_FS | CLONE_NEWNS);
    makeAllSlaves();
  } catch (error) {
    home.back();
    throw error;
  }
  return () => home.back();
}

/**
 * A descriptor of the root of another mount namespace, as those see it who enter it, and of what `also` makes there. In
 * between the thread's paths lead into a foreign tree: `also` makes system calls with descriptors, and nothing else.
 * Throws SystemError, LostThread.
 */
export function inMountsOf<T>(
  namespace: number,
  also: (root: number) => T,
): { readonly root: number; readonly made: T } {
  // so that setns, which wants a thread's view of files to be its own, can be
  unshare(CLONE_FS);
  // both are bound to the library before, not while the tree is another's
  closeSync(openAt(AT_FDCWD, '/', DIRECTORY));
  const home = new Home();
  let root: number | undefined;
  try {
    setns(namespace, CLONE_NEWNS);
    root = openAt(AT_FDCWD, '/', DIRECTORY);
    return { root, made: also(root) };
  } catch (error) {
    if (root !== undefined) closeSync(root);
    throw error;
  } finally {
    home.back();
  }
}
