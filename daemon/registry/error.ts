/**
 * The registry could not do what was asked. `full`: no space on the disk. `name_taken`: another container, or another
 * network, has the name. `address_taken`, `port_taken`: it is leased, or published, already. `corrupt`: the file is not a
 * sound database of ours. `newer`: a later tare wrote it. `locked`: another daemon has the root directory.
 */
export class RegistryError extends Error {
  override name = 'RegistryError';
  readonly kind: 'full' | 'name_taken' | 'address_taken' | 'port_taken' | 'corrupt' | 'newer' | 'locked' | 'io';

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
  const taken = takenOf(code, text);
  if (taken !== undefined) return new RegistryError(taken, TAKEN[taken], cause);
  return new RegistryError('io', `${path}: ${text} (${code})`, cause);
}

const TAKEN = {
  name_taken: 'the name is taken',
  address_taken: 'the address is taken',
  port_taken: 'the port is taken',
} as const;

/** Which unique constraint was violated: SQLite names its columns. */
function takenOf(code: string, text: string): keyof typeof TAKEN | undefined {
  if (code === 'SQLITE_CONSTRAINT_UNIQUE' && /\b(containers|networks)\.name\b/.test(text)) return 'name_taken';
  if (code !== 'SQLITE_CONSTRAINT_PRIMARYKEY') return undefined;
  if (text.includes('leases.address')) return 'address_taken';
  return text.includes('ports.host_port') ? 'port_taken' : undefined;
}

/** The extended result code's name where SQLite threw `error`. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('SQLITE_') ? error.code : undefined;
}
