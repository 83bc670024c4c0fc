/** linux.resources: pids, hugepageLimits, network, rdma, unified. */
import { SpecError } from '../spec/error.ts';
import type { Resources } from '../spec/types.ts';
import type { CgroupHost } from './host.ts';
import type { Setting } from './setting.ts';
import { exactInteger, limitText, requireController, RESOURCES, setting, unsupported } from './setting.ts';

const UINT64 = (1n << 64n) - 1n;
const UINT32 = 0xffff_ffffn;

/**
 * Zero and -1 are no limit: so crun and runc up to 1.3 take the specification up to 1.3.0, and Podman before 5.5 says
 * "unlimited" by zero. (runc 1.4 takes zero at its word, after a later text.)
 */
export function pidsSettings(host: CgroupHost, pids: NonNullable<Resources['pids']>): Setting[] {
  const field = `${RESOURCES}.pids.limit`;
  const limit = exactInteger(pids.limit, field, -1n);
  return [setting(requireController(host, field, 'pids'), field, 'pids.max', limitText(limit === 0n ? -1n : limit))];
}

export function hugepageSettings(host: CgroupHost, limits: NonNullable<Resources['hugepageLimits']>): Setting[] {
  return limits.flatMap(({ pageSize, limit }, index) => {
    const field = `${RESOURCES}.hugepageLimits[${String(index)}]`;
    if (!/^[1-9][0-9]*[KMG]B$/.test(pageSize)) {
      throw new SpecError(`${field}.pageSize`, `${JSON.stringify(pageSize)} is not a page size such as 2MB`);
    }
    const bytes = exactInteger(limit, `${field}.limit`, 0n, UINT64);
    const place = requireController(host, field, 'hugetlb');
    const suffix = place.version === 1 ? 'limit_in_bytes' : 'max';
    const settings = [setting(place, field, `hugetlb.${pageSize}.${suffix}`, bytes)];
    // Reservations count apart (Linux 5.7); limiting only faults would let a container hoard pages.
    const reserved = `hugetlb.${pageSize}.rsvd.${suffix}`;
    if (place.hierarchy.files?.includes(reserved) === true) settings.push(setting(place, field, reserved, bytes));
    return settings;
  });
}

export function networkSettings(host: CgroupHost, network: NonNullable<Resources['network']>): Setting[] {
  const settings: Setting[] = [];
  if (network.classID !== undefined && exactInteger(network.classID, `${RESOURCES}.network.classID`, 0n, UINT32) > 0n) {
    const field = `${RESOURCES}.network.classID`;
    settings.push(
      setting(requireController(host, field, 'net_cls'), field, 'net_cls.classid', String(network.classID)),
    );
  }
  for (const [index, { name, priority }] of (network.priorities ?? []).entries()) {
    const field = `${RESOURCES}.network.priorities[${String(index)}]`;
    if (!/^[^\s/]{1,15}$/.test(name)) throw new SpecError(`${field}.name`, 'is not the name of a network interface');
    const value = exactInteger(priority, `${field}.priority`, 0n, UINT32);
    const place = requireController(host, field, 'net_prio');
    settings.push(setting(place, field, 'net_prio.ifpriomap', `${name} ${String(value)}`));
  }
  return settings;
}

export function rdmaSettings(host: CgroupHost, rdma: NonNullable<Resources['rdma']>): Setting[] {
  return Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => {
    const field = `${RESOURCES}.rdma.${device}`;
    if (!/^[\w.:-]{1,64}$/.test(device)) throw new SpecError(field, 'is not the name of an RDMA device');
    const words = [];
    if (hcaHandles !== undefined)
      words.push(`hca_handle=${String(exactInteger(hcaHandles, `${field}.hcaHandles`, 0n, UINT32))}`);
    if (hcaObjects !== undefined)
      words.push(`hca_object=${String(exactInteger(hcaObjects, `${field}.hcaObjects`, 0n, UINT32))}`);
    if (words.length === 0) throw new SpecError(field, 'needs hcaHandles or hcaObjects');
    return setting(requireController(host, field, 'rdma'), field, 'rdma.max', `${device} ${words.join(' ')}`);
  });
}

/** Files of the core that say what a group may become, not who is in it or whether it runs: those are the engine's. */
const CORE_FILES = new Set(['cgroup.max.depth', 'cgroup.max.descendants', 'cgroup.pressure']);

/** Files of v2 by name; each line of a value is one write. */
export function unifiedSettings(host: CgroupHost, unified: Readonly<Record<string, string>>): Setting[] {
  return Object.entries(unified).flatMap(([file, text]) => {
    const field = `${RESOURCES}.unified.${file}`;
    const controller = /^([a-z][a-z0-9_]*)\.[A-Za-z0-9_.-]+$/.exec(file)?.[1];
    if (controller === undefined)
      throw new SpecError(field, 'is not the name of a control group file such as memory.high');
    const { v2 } = host;
    if (v2 === undefined) throw unsupported(field, 'this host has no control groups v2');
    if (controller === 'cgroup') {
      if (!CORE_FILES.has(file)) throw unsupported(field, 'this file is kept for tare itself');
    } else if (!v2.controllers.includes(controller)) {
      throw unsupported(field, `control groups v2 of this host have no ${controller} controller`);
    }
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => setting({ version: 2, hierarchy: v2 }, field, file, line));
  });
}
