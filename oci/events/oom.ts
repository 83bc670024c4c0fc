/** Tells when a container runs out of memory: eventfd of cgroup v1 (memory.rst, "OOM Control"), memory.events of v2. */
import { closeSync, existsSync, openSync, watch } from 'node:fs';
import { join } from 'node:path';
import { writeOnlyFile } from '../../daemon/runtime/cgroups/files.ts';
import type { CgroupHost } from '../../daemon/runtime/cgroups/host.ts';
import { openEventFd, takeEvents } from '../../native-bindings/eventfd.ts';
import { whenReadable } from '../../native-bindings/libc.ts';
import { groupOf, readIntegers, type Group } from './files.ts';

export interface Watch {
  close(): void;
}

/** `happened` is called each time. undefined: this host has no memory controller, so nothing can be told. */
export function watchOom(host: CgroupHost, path: string, happened: () => void): Watch | undefined {
  const group = groupOf(host, 'memory', path);
  if (group === undefined) return undefined;
  return group.version === 1 ? watchV1(group, happened) : watchV2(group, happened);
}

function watchV1({ directory }: Group, happened: () => void): Watch {
  const events = openEventFd();
  const control = openSync(join(directory, 'memory.oom_control'), 'r');
  const eventControl = join(directory, 'cgroup.event_control');
  try {
    writeOnlyFile(eventControl, `${String(events)} ${String(control)}`);
  } catch (error) {
    closeSync(events);
    throw error;
  } finally {
    closeSync(control);
  }
  let readable: Watch | undefined;
  const listen = (): void => {
    readable = whenReadable(events, () => {
      readable?.close();
      takeEvents(events);
      // The end of the group is told by the same means.
      if (!existsSync(eventControl)) return;
      listen();
      happened();
    });
  };
  listen();
  return {
    close: () => {
      readable?.close();
      closeSync(events);
    },
  };
}

/** The kernel says "modified" of memory.events; it counts more than this. */
function watchV2(group: Group, happened: () => void): Watch {
  const kills = (): bigint => readIntegers(group, 'memory.events')?.oom_kill ?? 0n;
  let before = kills();
  const watcher = watch(join(group.directory, 'memory.events'), () => {
    const now = kills();
    if (now > before) happened();
    before = now;
  });
  // ignoring: what is watched goes away with the container
  watcher.on('error', () => undefined);
  return watcher;
}
