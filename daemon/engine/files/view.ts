/**
 * A container's root as a descriptor, in the thread that calls, which has nothing else to do. Of one that runs it is
 * opened by way of its init; of one that does not, its layers and binds are mounted in a mount namespace of the thread's
 * own, which is left at the end and takes all of it along. Nothing is ever mounted on the host.
 */
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { O_PATH } from '../../../native-bindings/directory-entries.ts';
import { enterOwnMounts, inMountsOf } from '../../../native-bindings/mount-namespace.ts';
import { cloneMount } from '../../../native-bindings/mounts.ts';
import { FileError } from '../../images/pack/file-error.ts';
import { mountRoot } from './mount-view.ts';
import { ViewOverlays } from './view-overlay.ts';
import type { ViewSource } from './view-source.ts';

const DIRECTORY = O_PATH | constants.O_DIRECTORY;

export type ViewPurpose =
  /** Everything that the container sees, to be read. */
  | 'read'
  /** The same, to be written to. */
  | 'write'
  /** The root alone, without what is mounted in it. */
  | 'root';

export interface View {
  /** O_PATH. */
  readonly root: number;
  /** Devices (st_dev) of what stands in for mounts that are there only while the container runs. */
  readonly absent: ReadonlySet<bigint>;
  /** Throws LostThread. */
  readonly close: () => void;
}

/** Throws FileError, SystemError, LostThread, and what Node throws. */
export function openView(source: ViewSource, purpose: ViewPurpose): View {
  if (source.is === 'running') {
    const root = openRunning(source, purpose);
    return { root, absent: new Set(), close: () => closeSync(root) };
  }
  const overlays = new ViewOverlays();
  const home = enterOwnMounts();
  const leave = (): void => {
    home();
    overlays.clear();
  };
  try {
    const { root, absent } = mountRoot(source, purpose, overlays);
    const close = (): void => {
      closeSync(root);
      leave();
    };
    return { root, absent, close };
  } catch (error) {
    leave();
    throw error;
  }
}

/** A number is a process's only for as long as that runs: what is opened counts if it is still the same one afterwards. */
function openRunning(
  { pid, processStarted, ownMounts, name }: ViewSource & { is: 'running' },
  purpose: ViewPurpose,
): number {
  const opened: number[] = [];
  try {
    const root = openSync(`/proc/${String(pid)}/root`, DIRECTORY);
    opened.push(root);
    const namespace = openSync(`/proc/${String(pid)}/ns/mnt`, 'r');
    opened.push(namespace);
    if (startTimeOf(pid) !== processStarted) throw notRunning(name);
    // init itself may have changed its root since, to a part of the container's; or the root is not that of a namespace
    if (purpose !== 'root' && !ownMounts) {
      opened.shift();
      return root;
    }
    const whole = inMountsOf(namespace, (own) =>
      purpose === 'root' ? cloneMount(ownMounts ? own : root, false) : own,
    );
    if (whole.made === whole.root) return whole.root;
    closeSync(whole.root);
    return whole.made;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')))
      throw error;
    throw notRunning(name, error);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** Field 22 of /proc/PID/stat, proc_pid_stat(5); the second is a name in parentheses that may hold any. */
function startTimeOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

function notRunning(name: string, cause?: unknown): FileError {
  return new FileError('container_not_running', `container ${name} has just ended`, { cause });
}
