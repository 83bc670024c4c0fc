/**
 * The registry could not do what was asked. `full`: no space on the disk. `name_taken`: another container has
 * the name. `corrupt`: the file is not a sound database of ours. `newer`: a later tare wrote it. `locked`:
 * another daemon has the root directory.
 */
export class RegistryError extends Error {
  override name = 'RegistryError';
  readonly kind: 'full' | 'name_taken' | 'corrupt' | 'newer' | 'locked' | 'io';

  constructor(kind: RegistryError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** What SQLite threw, as a RegistryError; anything else as it is. https://www.sqlite.org/rescode.html */
export function registryError(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const cause = { cause: error };
  const text = (error as Error).message;
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new RegistryError('full', `${path}: no space left for the registry`, cause);
  }
  if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT_')) {
    return new RegistryError('corrupt', `${path} is not a sound registry database: ${text}`, cause);
  }
  if (code === 'SQLITE_CONSTRAINT_UNIQUE' && text.includes('containers.name')) {
    return new RegistryError('name_taken', 'the name is taken', cause);
  }
  return new RegistryError('io', `${path}: ${text} (${code})`, cause);
}

/** The extended result code's name where SQLite threw `error`. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('SQLITE_') ? error.code : undefined;
}
