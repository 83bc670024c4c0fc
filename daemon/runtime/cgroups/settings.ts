/** linux.resources (all but devices) → the files of a group and their values, in the order in which to write them. */
import type { Resources } from '../spec/types.ts';
import type { CgroupHost } from './host.ts';
import type { Setting } from './setting.ts';
import { cpuSettings } from './settings-cpu.ts';
import { blockIoSettings } from './settings-io.ts';
import { memorySettings } from './settings-memory.ts';
import { hugepageSettings, networkSettings, pidsSettings, rdmaSettings, unifiedSettings } from './settings-other.ts';

/** What the group has today, where an update names only one half of a pair; nothing for a new group. */
export interface InForce {
  /** Bytes; -1 unlimited. */
  readonly memoryLimit?: bigint;
  /** First word of v2's cpu.max. */
  readonly cpuQuota?: string;
}

/** Throws SpecError naming the field: `unsupported` for what the host cannot honour; nothing is dropped. */
export function settingsOf(host: CgroupHost, resources: Resources, inForce: InForce = {}): Setting[] {
  const { memory, cpu, pids, blockIO, hugepageLimits, network, rdma, unified } = resources;
  return [
    ...(memory === undefined ? [] : memorySettings(host, memory, inForce.memoryLimit)),
    ...(cpu === undefined ? [] : cpuSettings(host, cpu, inForce.cpuQuota)),
    ...(pids === undefined ? [] : pidsSettings(host, pids)),
    ...(blockIO === undefined ? [] : blockIoSettings(host, blockIO)),
    ...(hugepageLimits === undefined ? [] : hugepageSettings(host, hugepageLimits)),
    ...(network === undefined ? [] : networkSettings(host, network)),
    ...(rdma === undefined ? [] : rdmaSettings(host, rdma)),
    // Last: it says a file's value outright, as runc lets it win.
    ...(unified === undefined ? [] : unifiedSettings(host, unified)),
  ];
}
