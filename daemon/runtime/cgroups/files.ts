/**
 * Files of the control group file system: short, synchronous, bounded reads and writes of kernel memory.
 * Paths are the caller's own groups.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** A write or read that the kernel refused, on a live group. */
export class CgroupError extends Error {
  override name = 'CgroupError';
  /** Absolute path of the file or directory. */
  readonly path: string;
  /** Such as "EBUSY"; "" where the kernel gave none. */
  readonly code: string;
  /** JSON path of the setting, where one was to be written: "linux.resources.memory.limit". */
  readonly field: string | undefined;

  constructor(path: string, problem: string, options: ErrorOptions & { code?: string; field?: string } = {}) {
    super(`${path}: ${problem}`, options);
    this.path = path;
    this.code = options.code ?? errorCode(options.cause);
    this.field = options.field;
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Gone: never made, or removed since. ENODEV is what an open file of a removed group says. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENODEV'].includes(errorCode(error));
}

/** One write(2). Throws the system's error. */
export function writeFile(path: string, value: string): void {
  // Not O_CREAT: a file that is not there is an error to be told, not EACCES by chance.
  const descriptor = openSync(path, 'r+');
  try {
    writeSync(descriptor, value);
  } finally {
    closeSync(descriptor);
  }
}

/** As writeFile, for files that can only be written (devices.allow, cgroup.kill). */
export function writeOnlyFile(path: string, value: string): void {
  const descriptor = openSync(path, 1 /* O_WRONLY */);
  try {
    writeSync(descriptor, value);
  } finally {
    closeSync(descriptor);
  }
}

/** The text without its last newline; undefined where there is no such file (any more). */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** A file of one number; "max" is Infinity; undefined where there is no such file or it is no number. */
export function readNumber(path: string): number | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  if (text === 'max') return Infinity;
  return /^-?[0-9]+$/.test(text) ? Number(text) : undefined;
}

/** A file of lines "key number". */
export function readTable(path: string): ReadonlyMap<string, number> | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  const table = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [key, value] = line.split(' ');
    if (key !== undefined && value !== undefined) table.set(key, Number(value));
  }
  return table;
}
