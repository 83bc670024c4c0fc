/** Takes away what belongs to no container: sockets, control groups, directories. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as groups from '../../runtime/cgroups/live.ts';
import { removeMade } from '../cgroup-parent.ts';
import type { Context } from '../context.ts';
import { endGroups } from '../freezer.ts';
import { removeFiles } from '../removed-files.ts';

/** For the answer of a shim that nobody knows. */
const STRAY_DEADLINE_MS = 2000;
/** Other names in our directories are not ours to judge. */
const ID = /^[0-9a-f]{64}$/;
const DIRECTORY = /^[0-9a-f]{64}(\.removed)?$/;

/** After the reconciliation, and before anything is started again. A failure concerns one thing: it is logged, and the rest goes on. */
export async function sweepProcesses(context: Context): Promise<void> {
  for (const id of await context.shims.listed()) {
    if (ID.test(id)) await attempt(context, id, 'socket', () => sweepSocket(context, id));
  }
  for (const id of groups.list(context.cgroups, context.places.cgroupParent)) {
    if (ID.test(id)) await attempt(context, id, 'control group', () => sweepGroups(context, id));
  }
  await attempt(context, 'above containers', 'control group', () => {
    context.registry.madeGroups.forgetOthers(context.bootId);
    removeMade(context);
  });
}

/** The same of what lies on disk, which may take a while. */
export async function sweepDirectories(context: Context): Promise<void> {
  for (const name of await readdir(context.places.containers)) {
    const known = context.containers.get(name) !== undefined;
    if (known || !DIRECTORY.test(name)) continue;
    await attempt(context, name, 'directory', () => removeFiles(context.trees, join(context.places.containers, name)));
  }
}

async function attempt(context: Context, name: string, what: string, work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log.error({ err: error, name }, `a ${what} that belongs to no container could not be removed`);
  }
}

/** Whose container does not run, or is gone: the former daemon ended between the last commit and the end of the shim. */
async function sweepSocket(context: Context, id: string): Promise<void> {
  await atRest(context, id, () => endStray(context, id));
}

/** Does it where nothing of this id runs, and nothing can be started meanwhile. */
async function atRest(context: Context, id: string, work: () => Promise<void>): Promise<void> {
  const container = context.containers.get(id);
  if (container === undefined) {
    await work();
    return;
  }
  await container.turn.run(async () => {
    const { status } = container.row;
    if ((status === 'created' || status === 'stopped') && container.run === undefined) await work();
  });
}

async function endStray(context: Context, id: string): Promise<void> {
  const shim = await context.shims.adopt(id, STRAY_DEADLINE_MS);
  await endGroups(context, id);
  if (shim !== undefined) {
    const processes = await shim.status();
    if (processes.length === 0) await shim.shutdown();
    else await shim.forget('');
  }
  await context.shims.discard(id);
}

/** Of a container that does not run its groups are gone, or about to go. */
async function sweepGroups(context: Context, id: string): Promise<void> {
  await atRest(context, id, () => endGroups(context, id));
}
