/** Environment variables and labels, from flags and files. */
import { readFileSync } from 'node:fs';
import { CliError, UsageError, messageOf } from '../errors.ts';

/**
 * "NAME=value" entries of files, then of flags; the later wins. "NAME" alone takes over the user's own value, and
 * nothing where there is none.
 */
export function environmentOf(
  words: readonly string[],
  files: readonly string[],
  own: NodeJS.ProcessEnv,
): readonly string[] {
  const values = new Map<string, string>();
  for (const word of [...files.flatMap(readLines), ...words]) {
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    if (name === '') throw new UsageError(`environment variable "${word}" has no name`);
    const value = equals === -1 ? own[name] : word.slice(equals + 1);
    if (value === undefined) values.delete(name);
    else values.set(name, value);
  }
  return [...values].map(([name, value]) => `${name}=${value}`);
}

/** "key=value" or "key". */
export function labelsOf(words: readonly string[], files: readonly string[]): Record<string, string> {
  const labels = new Map<string, string>();
  for (const word of [...files.flatMap(readLines), ...words]) {
    const equals = word.indexOf('=');
    const key = equals === -1 ? word : word.slice(0, equals);
    if (key === '') throw new UsageError(`label "${word}" has no key`);
    labels.set(key, equals === -1 ? '' : word.slice(equals + 1));
  }
  return Object.fromEntries(labels);
}

/** Lines that are neither empty nor comments. Spaces before the name do not count, those in values do. */
function readLines(path: string): readonly string[] {
  return readText(path)
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, '').trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

export function readJsonObject(path: string): Record<string, unknown> {
  let value: unknown;
  const text = readText(path);
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(`${path} is not json: ${messageOf(error)}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CliError(`${path} is not a json object`);
  }
  return value as Record<string, unknown>;
}
