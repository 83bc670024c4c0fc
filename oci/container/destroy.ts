/** The end of a container: its processes, its groups, its state, and then its poststop hooks. */
import { rmdirSync } from 'node:fs';
import { CgroupError, killAll, processes, removeGroups } from '../../daemon/runtime/cgroups/live.ts';
import { SIGNALS } from '../../shared/signals.ts';
import type { Context } from '../command.ts';
import { OciError, codeOf } from '../errors.ts';
import { runPoststop } from '../launch/hooks.ts';
import { mountsSince, removeMounts } from './host-mounts.ts';
import { signalProcess } from './signal.ts';
import { removeDirectory, specOf, type ContainerRecord, type ProcessIdentity } from './state.ts';
import { isAlive } from './status.ts';
import { waitUntil } from './wait-until.ts';

const DEATH_DEADLINE_MS = 10_000;

/** SIGKILL, and waits for the death; a number that is another's by now is left alone. */
async function end(process: ProcessIdentity, what: string): Promise<void> {
  if (!signalProcess(process, SIGNALS.SIGKILL)) return;
  if (await waitUntil(() => !isAlive(process), DEATH_DEADLINE_MS)) return;
  throw new OciError(`${what} (process ${process.pid}) does not die: it sleeps in the kernel`);
}

/** Kills whatever of the container is still there, and waits until it is gone. Throws OciError, CgroupError. */
export async function endContainer({ runtime }: Context, record: ContainerRecord): Promise<void> {
  if (record.shim !== undefined) await end(record.shim, 'the shim of its creation');
  const cgroups = runtime.cgroups();
  const ours = record.cgroupParents !== undefined;
  // By its groups first: that thaws a frozen one, whose processes could not die otherwise.
  if (ours) killAll(cgroups, record.cgroupPath);
  await end(record, `container ${record.id}`);
  if (!ours) return;
  const isEmpty = (): boolean => {
    if (processes(cgroups, record.cgroupPath).length === 0) return true;
    killAll(cgroups, record.cgroupPath);
    return false;
  };
  if (await waitUntil(isEmpty, DEATH_DEADLINE_MS)) return;
  const problem = 'processes in the control group do not die';
  throw new CgroupError(record.cgroupPath, problem, { code: 'EBUSY' });
}

/** A creation that was cut off may have made groups without recording it: they go if nobody is in them. */
async function removeControlGroups({ runtime }: Context, record: ContainerRecord): Promise<void> {
  const cgroups = runtime.cgroups();
  if (record.cgroupParents === undefined && processes(cgroups, record.cgroupPath).length > 0) return;
  await removeGroups(cgroups, record.cgroupPath, record.cgroupParents ?? []);
}

function removeResctrlGroups({ resctrlGroups = [] }: ContainerRecord): void {
  for (const directory of resctrlGroups.toSorted((a, b) => b.length - a.length)) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** A creation that was cut off has not recorded its mounts: they are those that came since it began. */
function removeHostMounts({ rootfs, mountsBefore, mounts }: ContainerRecord): void {
  if (mountsBefore === undefined) return;
  removeMounts(rootfs, mounts ?? mountsSince(rootfs, mountsBefore));
}

export interface DestroyOptions {
  /** False: the creation did not get as far as hooks. */
  readonly poststop: boolean;
}

/**
 * Whatever of it is gone already is fine, so that this can be called again after it was cut off or failed.
 * Hooks that fail are warned of. Throws OciError, CgroupError; then the state stays.
 */
export async function destroyContainer(
  context: Context,
  record: ContainerRecord,
  { poststop }: DestroyOptions,
): Promise<void> {
  const spec = specOf(context.root, record);
  await endContainer(context, record);
  await removeControlGroups(context, record);
  removeResctrlGroups(record);
  removeHostMounts(record);
  removeDirectory(context.root, record.id);
  if (poststop) await runPoststop(context, { record, spec });
}
