/** Counters of a control group as they stand in its files: 64 bits, so bigints. What is not there is undefined, never 0. */
import { join } from 'node:path';
import { readText } from '../../daemon/runtime/cgroups/files.ts';
import { controllerPlace, groupDirectory, type CgroupHost } from '../../daemon/runtime/cgroups/host.ts';

/** A group in the hierarchy of one controller. */
export interface Group {
  readonly version: 1 | 2;
  readonly directory: string;
}

/** undefined: this host does not have the controller. */
export function groupOf(host: CgroupHost, controller: string, path: string): Group | undefined {
  const place = controllerPlace(host, controller);
  if (place === undefined) return undefined;
  return { version: place.version, directory: groupDirectory(place.hierarchy, path) };
}

export function readLines(group: Group | undefined, file: string): string[] {
  const text = group === undefined ? undefined : readText(join(group.directory, file));
  return text === undefined || text === '' ? [] : text.split('\n');
}

/** A file of one number; undefined for "max" as well: there is no such limit. */
export function readInteger(group: Group | undefined, file: string): bigint | undefined {
  return integer(readLines(group, file)[0]);
}

/** A file of lines "key number"; undefined where there is none. */
export function readIntegers(group: Group | undefined, file: string): Readonly<Record<string, bigint>> | undefined {
  const entries: [string, bigint][] = [];
  for (const line of readLines(group, file)) {
    const [key, text] = line.split(' ');
    const value = integer(text);
    if (key !== undefined && value !== undefined) entries.push([key, value]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

export function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^-?[0-9]+$/.test(text) ? BigInt(text) : undefined;
}
