/** What builds of a former daemon left: their containers, and their directories. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { remove } from '../remove.ts';
import { BUILD_LABEL } from './container-settings.ts';

const NAME = /^[0-9a-f]{32}$/;

/** After the reconciliation, before any build begins. A failure concerns one thing: it is logged, and the rest goes on. */
export async function sweepBuilds(context: Context): Promise<void> {
  const names = new Set((await namesIn(context.places.builds)).filter((name) => NAME.test(name)));
  // whoever gives a container of his own this label names no build that there ever was
  const left = [...context.containers].filter(({ row }) => names.has(row.labels[BUILD_LABEL] ?? ''));
  for (const { id } of left) {
    await attempt(context, id, () => remove(context, id, { force: true, volumes: true }));
  }
  for (const name of names) {
    await attempt(context, name, () => context.trees.remove(join(context.places.builds, name)));
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function attempt(context: Context, name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log.error({ err: error, name }, 'what a build left could not be removed');
  }
}
