/** Directories of the host that a container wants to be there when it starts. */
import { mkdirSync } from 'node:fs';
import { EngineError } from './errors.ts';

const MODE = 0o755;

/** With their parents; those that are there stay as they are. Throws `invalid_field`, which names the one. */
export function makeDirectories(paths: readonly string[]): void {
  for (const [index, path] of paths.entries()) {
    try {
      make(path);
    } catch (error) {
      const field = `mkdir[${String(index)}]`;
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      throw new EngineError('invalid_field', `${field}: ${path}: ${code}`, { field, cause: error });
    }
  }
}

/**
 * The daemon's umask would close them to everybody else. To open them afterwards would take a second look at a path that
 * others may have changed meanwhile; nothing else runs in between here.
 */
function make(path: string): void {
  const mask = process.umask(~MODE & 0o777);
  try {
    mkdirSync(path, { recursive: true, mode: MODE });
  } finally {
    process.umask(mask);
  }
}
