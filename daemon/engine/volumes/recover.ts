/** What a daemon that was killed left of making and removing volumes. */
import { readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { nameOfRemoved } from './take.ts';

/**
 * Once, before any verb. A directory that was taken away whose row is still there is put back; what has no row by now is
 * deleted, in the background. A directory without a row goes only where it is empty: else it is somebody's (system check
 * tells of it). A failure concerns one volume: it is logged, and the rest goes on.
 */
export function recoverVolumes(context: Context): void {
  const { places, registry } = context;
  for (const entry of entriesOf(places.volumes)) {
    try {
      const name = nameOfRemoved(entry);
      if (name !== undefined) recoverRemoved(context, entry, name);
      else if (registry.volumes.get(entry) === undefined) removeEmpty(places.volume(entry));
    } catch (error) {
      context.log.error({ err: error, volume: entry }, 'what was left of a volume could not be cleared up');
    }
  }
}

function recoverRemoved(context: Context, entry: string, name: string): void {
  const { places, registry, trees } = context;
  const path = join(places.volumes, entry);
  if (registry.volumes.get(name) !== undefined && renamed(path, places.volume(name))) return;
  trees.removeLater(path);
}

/** False: a volume that was made later has the name. */
function renamed(from: string, to: string): boolean {
  try {
    // rename(2) puts a directory in place of an empty one, and a volume's has `data` in it
    renameSync(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(join(directory, 'data'));
  } catch (error) {
    if (isCode(error, 'ENOTEMPTY', 'ENOTDIR')) return;
    if (!isCode(error, 'ENOENT')) throw error;
  }
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!isCode(error, 'ENOTEMPTY', 'ENOTDIR')) throw error;
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    // no volume was ever made
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
