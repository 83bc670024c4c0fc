/** Signals to a container's processes: by pidfd, and only once it is certain that the number is still the process's own. */
import { closeSync } from 'node:fs';
import { pidfdOpen, pidfdSendSignal } from '../../native-bindings/pidfd.ts';
import { processes } from '../../daemon/runtime/cgroups/live.ts';
import type { CgroupHost } from '../../daemon/runtime/cgroups/host.ts';
import { isAlive } from './status.ts';
import type { ProcessIdentity } from './state.ts';

/** False: the process has ended. The pidfd is opened before the start time is looked at, so that the two belong together. */
export function signalProcess(process: ProcessIdentity, signal: number): boolean {
  return withPidfd(process.pid, (pidfd) => isAlive(process) && pidfdSendSignal(pidfd, signal));
}

/** To every process in the group `path` and below it. How many were reached. */
export function signalGroup(host: CgroupHost, path: string, signal: number): number {
  let reached = 0;
  for (const pid of processes(host, path)) {
    // Asked again with the pidfd at hand: whoever has the number now is in the group, or was when it was opened.
    if (withPidfd(pid, (pidfd) => processes(host, path).includes(pid) && pidfdSendSignal(pidfd, signal))) reached += 1;
  }
  return reached;
}

function withPidfd(pid: number, act: (pidfd: number) => boolean): boolean {
  if (pid <= 0) return false;
  const pidfd = pidfdOpen(pid);
  if (pidfd === undefined) return false;
  try {
    return act(pidfd);
  } finally {
    closeSync(pidfd);
  }
}
