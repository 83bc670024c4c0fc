/** A container's control groups, in the engine's terms: freezer, processes, what is left of a run. */
import { freezerOf } from '../runtime/cgroups/freeze.ts';
import * as groups from '../runtime/cgroups/live.ts';
import { cgroupError } from './cgroup-error.ts';
import { cgroupOf, leaveParent } from './cgroup-parent.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';

/** Resolves once every process stands still. Throws `kernel_refused`, `host_lacks_feature`. */
export async function freeze(context: Context, container: Container): Promise<void> {
  try {
    await groups.freeze(context.cgroups, cgroupOf(context, container.id));
  } catch (error) {
    if (isGone(error)) {
      throw new EngineError('container_not_running', `container ${container.name} has just ended`, { cause: error });
    }
    throw cgroupError(error, `container ${container.name} cannot be paused`);
  }
}

export async function thaw(context: Context, container: Container): Promise<void> {
  try {
    await groups.thaw(context.cgroups, cgroupOf(context, container.id));
  } catch (error) {
    // its groups go when it ends: then nothing of it is frozen any more
    if (isGone(error)) return;
    throw cgroupError(error, `container ${container.name} cannot be resumed`);
  }
}

/** ENODEV: the group went between the opening of its file and the write. */
function isGone(error: unknown): boolean {
  return error instanceof groups.CgroupError && (error.code === 'ENOENT' || error.code === 'ENODEV');
}

/** False also where this host has no freezer. */
export function isFrozen(context: Context, container: Container): boolean {
  return freezerOf(context.cgroups, cgroupOf(context, container.id))?.isFrozen() === true;
}

/** Host pids. */
export function processesOf(context: Context, container: Container): number[] {
  return groups.processes(context.cgroups, cgroupOf(context, container.id));
}

/**
 * Kills what is left in the groups of a run and removes them. A shim that has told of the end removes them itself;
 * only a start right after it may meet them.
 */
export async function removeGroups(context: Context, id: string): Promise<void> {
  try {
    await groups.remove(context.cgroups, cgroupOf(context, id));
    leaveParent(context, id);
  } catch (error) {
    throw cgroupError(error, `what is left of container ${id.slice(0, 12)} cannot be removed`);
  }
}

/** Everything in the container's groups is killed, and the groups removed, as far as the kernel lets. */
export async function endGroups(context: Context, id: string): Promise<void> {
  try {
    await removeGroups(context, id);
  } catch (error) {
    context.log.error({ err: error, container: id }, 'control groups are left over: the next sweep tries again');
  }
}
