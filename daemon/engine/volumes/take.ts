/**
 * Takes volumes' directories away: renamed, then their rows deleted, then what was renamed removed. Where the daemon is
 * killed before the rows are deleted the next one puts the directories back (recover.ts).
 */
import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context.ts';

const REMOVED = /^\.removed\.[0-9a-f]{16}\.(?<name>.+)$/;

export interface TakenVolumes {
  /** The rows could not be deleted. */
  putBack(): void;
  /** The rows are deleted: what was in them goes, in the background. */
  discard(): void;
}

/** Anonymous volumes that nobody else has: they may go with the container. */
export function volumesLeavingWith({ registry }: Pick<Context, 'registry'>, container: string): string[] {
  const attached = registry.volumes.attachments().filter((attachment) => attachment.container === container);
  const names = new Set(attached.map(({ volume }) => volume));
  return [...names].filter(
    (name) => registry.volumes.get(name)?.anonymous === true && registry.volumes.usersOf(name).length === 1,
  );
}

/** In the same step of the event loop as the transaction that deletes the rows. Throws errors of fs; nothing is taken then. */
export function takeVolumes(context: Context, names: readonly string[]): TakenVolumes {
  const { places } = context;
  const taken: { readonly from: string; readonly to: string }[] = [];
  const putBack = (): void => {
    for (const { from, to } of taken) renameSync(to, from);
  };
  for (const name of names) {
    const place = { from: places.volume(name), to: join(places.volumes, removedName(name)) };
    try {
      renameSync(place.from, place.to);
      taken.push(place);
    } catch (error) {
      if (isAbsent(error)) continue;
      putBack();
      throw error;
    }
  }
  const discard = (): void => {
    for (const { to } of taken) context.trees.removeLater(to);
  };
  return { putBack, discard };
}

function removedName(name: string): string {
  return `.removed.${randomBytes(8).toString('hex')}.${name}`;
}

/** The volume that had such a name before it was taken away; undefined for all other names. */
export function nameOfRemoved(entry: string): string | undefined {
  return REMOVED.exec(entry)?.groups?.name;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
