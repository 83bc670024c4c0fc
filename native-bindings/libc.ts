/**
 * The C library, for the binding files beside this one; koffi is imported here and in nothing above this folder.
 *
 * A binding declares the function once and calls it as if it were TypeScript:
 *
 *     const flock = systemCall<[fd: number, operation: number]>('int flock(int fd, int operation)');
 *     flock(fd, LOCK_EX); // the result, or a SystemError with errno, code and syscall
 *
 * Nothing is loaded before the first call.
 */
import koffi from 'koffi';
import { errnoName } from './errno.ts';

export { errnoName };

/** What the kernel refused: `EAGAIN: flock`. `errno` is positive. */
export class SystemError extends Error {
  override name = 'SystemError';
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(syscall: string, errno: number, path?: string) {
    const code = errnoName(errno);
    super(path === undefined ? `${code}: ${syscall}` : `${code}: ${syscall} ${path}`);
    this.errno = errno;
    this.code = code;
    this.syscall = syscall;
    this.path = path;
  }
}

/** A C function; `onThread` runs it on one of koffi's threads and leaves the event loop free. */
export interface CFunction<A extends readonly unknown[], R> {
  (...parameters: A): R;
  onThread(...parameters: A): Promise<R>;
}

export type SystemCall<A extends readonly unknown[]> = (...parameters: A) => number;

type Foreign = ReturnType<ReturnType<typeof koffi.load>['func']>;

type Library = ReturnType<typeof koffi.load>;

let library: Library | undefined;
let program: Library | undefined;

const libc = (): Library => (library ??= koffi.load('libc.so.6'));
/** Node itself, and the libraries it is linked with. */
const self = (): Library => (program ??= koffi.load(null));

/** Declared lazily: the library is opened by the first call of any function. */
function foreign(definition: string, from = libc): () => Foreign {
  let found: Foreign | undefined;
  return () => (found ??= from().func(definition));
}

function callable<A extends readonly unknown[], R>(found: () => Foreign): CFunction<A, R> {
  const call = (...parameters: A): R => found()(...parameters) as R;
  const onThread = (...parameters: A): Promise<R> =>
    new Promise((resolve, reject) => {
      found().async(...parameters, (error: Error | null, result: R) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
  return Object.assign(call, { onThread });
}

/** A function whose result is taken as it is (one that returns an error number, a pointer, nothing). */
export function libcFunction<A extends readonly unknown[], R>(definition: string): CFunction<A, R> {
  return callable(foreign(definition));
}

/** The same of one that Node itself has and exports to add-ons. */
export function programFunction<A extends readonly unknown[], R>(definition: string): CFunction<A, R> {
  return callable(foreign(definition, self));
}

/**
 * A function that returns -1 and sets errno when it fails: then a SystemError is thrown. Not for threads: errno
 * belongs to the thread that made the call.
 */
export function systemCall<A extends readonly unknown[]>(definition: string): SystemCall<A> {
  const name = /(\w+)\s*\(/.exec(definition)?.[1] ?? definition;
  const found = foreign(definition);
  return (...parameters) => {
    const result = found()(...parameters) as number;
    if (result === -1) throw new SystemError(name, koffi.errno());
    return result;
  };
}

/** As systemCall(), where some failures are as usual as success, and an error for each would cost: -errno is returned then. */
export function triedCall<A extends readonly unknown[]>(definition: string, usual: readonly number[]): SystemCall<A> {
  const name = /(\w+)\s*\(/.exec(definition)?.[1] ?? definition;
  const found = foreign(definition);
  return (...parameters) => {
    const result = found()(...parameters) as number;
    if (result !== -1) return result;
    const errno = koffi.errno();
    if (usual.includes(errno)) return -errno;
    throw new SystemError(name, errno);
  };
}

/** Where the bytes lie, for a structure that holds pointers. The caller keeps `bytes` alive for as long as C uses it. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

/** The text that ends with a NUL there. */
export function textAt(address: bigint): string {
  return koffi.decode(address, 'char', -1) as string;
}

/** True if this C library has the function. */
export function libcHas(name: string): boolean {
  try {
    libc().symbol(name);
    return true;
  } catch {
    return false;
  }
}

/** Watches a descriptor in the event loop (uv_poll); the callback is called once, when it is readable or hung up. */
export function whenReadable(fd: number, callback: () => void): { close(): void } {
  const handle = koffi.node.poll(fd, { readable: true, disconnect: true }, () => {
    handle.stop();
    callback();
  });
  return {
    close: () => {
      handle.close();
    },
  };
}
