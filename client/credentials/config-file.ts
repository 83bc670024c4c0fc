/** ~/.docker/config.json: read as Docker's tools read it, and written with all in it that is not ours left as it was. */
import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError, errnoOf, messageOf } from '../errors.ts';

export type ConfigFields = Record<string, unknown>;

export class ConfigFile {
  readonly path: string;

  /** $DOCKER_CONFIG is its folder, else ~/.docker. */
  constructor({ DOCKER_CONFIG: folder, HOME: home }: NodeJS.ProcessEnv) {
    const own = folder !== undefined && folder !== '';
    this.path = join(
      own ? folder : join(home ?? process.getBuiltinModule('node:os').homedir(), '.docker'),
      'config.json',
    );
  }

  /** {} where there is none. Throws CliError. */
  read(): ConfigFields {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return {};
      throw new CliError(`cannot read ${this.path}: ${messageOf(error)}`, { cause: error });
    }
    try {
      const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ConfigFields;
    } catch {
      // The parser's message would show a part of it.
    }
    throw new CliError(`${this.path} is not a json object`);
  }

  /** For its owner alone (0600), whole or not at all; a link to it stays one. Throws CliError. */
  write(fields: ConfigFields): void {
    let fresh: string | undefined;
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      const path = followed(this.path);
      fresh = `${path}.${String(process.pid)}.new`;
      writeFileSync(fresh, `${JSON.stringify(fields, null, '\t')}\n`, { mode: 0o600, flag: 'wx' });
      chmodSync(fresh, 0o600);
      renameSync(fresh, path);
    } catch (error) {
      if (fresh !== undefined) rmSync(fresh, { force: true });
      throw new CliError(`cannot write ${this.path}: ${messageOf(error)}`, { cause: error });
    }
  }
}

function followed(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return path;
    throw error;
  }
}

/** An object of the file; empty where it is none. */
export function section(fields: ConfigFields, name: string): Readonly<Record<string, unknown>> {
  const value = fields[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
