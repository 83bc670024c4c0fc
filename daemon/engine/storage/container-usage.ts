/** What a container takes of the disk beside its image. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';

const LOG = /^(?:log|[0-9a-f]{64}-json\.log)(?:\.[1-9][0-9]*)?$/;
const BLOCK = 512;

export interface ContainerUsage {
  /** Bytes on the disk of its upper layer: what it wrote. On a tmpfs, or in a directory of the user's, nothing. */
  readonly size: number;
  /** Bytes on the disk of its log's files. */
  readonly logSize: number;
}

export async function containerUsage(context: Context, { id }: Pick<Container, 'id'>): Promise<ContainerUsage> {
  const { places, trees } = context;
  const [size, logSize] = await Promise.all([trees.measure(places.upper(id)), logBytes(places.container(id))]);
  return { size, logSize };
}

async function logBytes(directory: string): Promise<number> {
  const names = (await unlessGone(readdir(directory))) ?? [];
  const files = names.filter((name) => LOG.test(name)).map((name) => unlessGone(lstat(join(directory, name))));
  return (await Promise.all(files)).reduce((sum, status) => sum + (status?.blocks ?? 0) * BLOCK, 0);
}

/** It may be removed, and a log rotated, while it is looked at. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
