/** Reads what a shim left behind about the end of a process. */
import { readFile } from 'node:fs/promises';
import { InvalidTime, parseTime } from '../../shared/time.ts';
import type { ExitRecord } from './messages.ts';

/** The file is not an exit record; what it tells cannot be believed. */
export class MalformedExitRecord extends Error {
  override name = 'MalformedExitRecord';
}

const LARGEST_SIGNAL = 64;

/** Undefined if there is none: the end is unknown. Throws MalformedExitRecord, or as readFile does. */
export async function readExitRecord(path: string): Promise<ExitRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseExitRecord(text, path);
}

/** `path` is for the message of the MalformedExitRecord that is thrown. */
export function parseExitRecord(text: string, path: string): ExitRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedExitRecord(`exit record ${path} is not JSON`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedExitRecord(`exit record ${path} is not an object`);
  }
  const { version, code, signal, oom_kills, at, ...further } = value as Record<string, unknown>;
  if (version !== 1) throw new MalformedExitRecord(`exit record ${path}: version 1 expected, ${String(version)} found`);
  const [unknown] = Object.keys(further);
  if (unknown !== undefined) throw new MalformedExitRecord(`exit record ${path}: unknown key ${unknown}`);
  return {
    version,
    code: integer(code, 255, `${path}: code`),
    signal: integer(signal, LARGEST_SIGNAL, `${path}: signal`),
    oom_kills: integer(oom_kills, Number.MAX_SAFE_INTEGER, `${path}: oom_kills`),
    at: time(at, path),
  };
}

function integer(value: unknown, largest: number, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= largest) return value;
  throw new MalformedExitRecord(`exit record ${what} is not an integer of 0 to ${String(largest)}`);
}

function time(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new MalformedExitRecord(`exit record ${path}: at is not a string`);
  try {
    parseTime(value);
    return value;
  } catch (error) {
    if (!(error instanceof InvalidTime)) throw error;
    throw new MalformedExitRecord(`exit record ${path}: at: ${error.message}`, { cause: error });
  }
}
