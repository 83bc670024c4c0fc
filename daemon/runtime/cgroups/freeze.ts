/** Stops every process of a group where it is, and lets them go on: freezer-subsystem.rst (v1), cgroup.freeze (v2). */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CgroupError, readTable, readText, writeFile } from './files.ts';
import type { CgroupHost } from './host.ts';
import { controllerPlace, groupDirectory } from './host.ts';
import { requireGroupPath } from './path.ts';

interface Freezer {
  readonly file: string;
  readonly frozenValue: string;
  readonly thawedValue: string;
  /** undefined: the group is gone. */
  readonly isFrozen: () => boolean | undefined;
}

function freezerV1(directory: string): Freezer {
  const file = join(directory, 'freezer.state');
  return {
    file,
    frozenValue: 'FROZEN',
    thawedValue: 'THAWED',
    isFrozen: () => {
      const state = readText(file);
      return state === undefined ? undefined : state === 'FROZEN';
    },
  };
}

function freezerV2(directory: string): Freezer {
  const events = join(directory, 'cgroup.events');
  return {
    file: join(directory, 'cgroup.freeze'),
    frozenValue: '1',
    thawedValue: '0',
    isFrozen: () => {
      const table = readTable(events);
      return table === undefined ? undefined : table.get('frozen') === 1;
    },
  };
}

/** undefined: this host has nothing to freeze with. */
export function freezerOf(host: CgroupHost, path: string): Freezer | undefined {
  const v1 = controllerPlace(host, 'freezer');
  if (v1 !== undefined) return freezerV1(groupDirectory(v1.hierarchy, path));
  return host.v2 === undefined ? undefined : freezerV2(groupDirectory(host.v2, path));
}

function requireFreezer(host: CgroupHost, path: string): Freezer {
  requireGroupPath(path);
  const freezer = freezerOf(host, path);
  if (freezer === undefined) throw new CgroupError(path, 'this host has no freezer', { code: 'ENOTSUP' });
  return freezer;
}

function write(freezer: Freezer, value: string): void {
  try {
    writeFile(freezer.file, value);
  } catch (error) {
    throw new CgroupError(freezer.file, `cannot write ${value}`, { cause: error });
  }
}

/** Looks again after 1, 2, 4 … 50 ms until the state is `wanted`; false once `milliseconds` are over. */
async function reached(freezer: Freezer, wanted: boolean, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const state = freezer.isFrozen();
    if (state === undefined) throw new CgroupError(freezer.file, 'the group is gone', { code: 'ENOENT' });
    if (state === wanted) return true;
    if (performance.now() >= deadline) return false;
    await delay(pause);
  }
}

/**
 * Resolves once every process of the group `path` stands still. A process that cannot be stopped within
 * `milliseconds` (it sleeps in the kernel) makes it throw CgroupError ETIMEDOUT, and the group is thawed again.
 */
export async function freeze(host: CgroupHost, path: string, milliseconds = 10_000): Promise<void> {
  const freezer = requireFreezer(host, path);
  write(freezer, freezer.frozenValue);
  if (await reached(freezer, true, milliseconds)) return;
  write(freezer, freezer.thawedValue);
  throw new CgroupError(freezer.file, 'a process does not stop', { code: 'ETIMEDOUT' });
}

/** Resolves once the group `path` runs again; one that was not frozen is fine. Throws CgroupError, ETIMEDOUT after `milliseconds`. */
export async function thaw(host: CgroupHost, path: string, milliseconds = 10_000): Promise<void> {
  const freezer = requireFreezer(host, path);
  write(freezer, freezer.thawedValue);
  if (await reached(freezer, false, milliseconds)) return;
  throw new CgroupError(freezer.file, 'the group does not thaw', { code: 'ETIMEDOUT' });
}
