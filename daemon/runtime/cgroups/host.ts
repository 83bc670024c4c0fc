/**
 * Which control group hierarchies this host has, cgroups(7): one cgroup2 mount, any number of v1 hierarchies
 * (one or several controllers each), or both. A plain object, so that a plan can be compiled for any host.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from './files.ts';

/** `hybrid`: v1 hierarchies and a cgroup2 mount side by side. `none`: nothing is mounted. */
export type CgroupMode = 'v1' | 'hybrid' | 'v2' | 'none';

/** One mounted v1 hierarchy. */
export interface V1Hierarchy {
  /** Absolute path on the host, such as "/sys/fs/cgroup/cpu,cpuacct". */
  readonly mount: string;
  /** Such as ["cpu", "cpuacct"]; empty for a named hierarchy. */
  readonly controllers: readonly string[];
  /** Of a hierarchy without controllers: "systemd" for name=systemd. */
  readonly name?: string;
  /** The files that a group of ours has here; absent while nobody has looked (prepareParent does). */
  readonly files?: readonly string[];
}

export interface V2Hierarchy {
  readonly mount: string;
  /** What the mount's root offers (probeCgroups), or what groups below our parent really have (prepareParent). */
  readonly controllers: readonly string[];
  /** As in V1Hierarchy. */
  readonly files?: readonly string[];
  /** The files of a group that may be handed on together with it, cgroups(7); absent where the kernel has no list. */
  readonly delegated?: readonly string[];
}

export interface CgroupHost {
  readonly mode: CgroupMode;
  readonly v1: readonly V1Hierarchy[];
  readonly v2?: V2Hierarchy;
}

export type ControllerPlace =
  { readonly version: 1; readonly hierarchy: V1Hierarchy } | { readonly version: 2; readonly hierarchy: V2Hierarchy };

/** Where `controller` ("memory", "io", "devices" …, by its own version's name) lives; undefined if nowhere. */
export function controllerPlace(host: CgroupHost, controller: string): ControllerPlace | undefined {
  const v1 = host.v1.find((hierarchy) => hierarchy.controllers.includes(controller));
  if (v1 !== undefined) return { version: 1, hierarchy: v1 };
  if (host.v2?.controllers.includes(controller)) return { version: 2, hierarchy: host.v2 };
  return undefined;
}

/** Every mounted hierarchy, v1 ones first. */
export function hierarchies(host: CgroupHost): readonly (V1Hierarchy | V2Hierarchy)[] {
  return host.v2 === undefined ? host.v1 : [...host.v1, host.v2];
}

/** The directory of the group `path` ("/tare-1a2b/<id>") in a hierarchy. */
export function groupDirectory(hierarchy: { readonly mount: string }, path: string): string {
  return join(hierarchy.mount, path);
}

/** The names that may stand among a v1 mount's options besides controllers; the rest of the options are these. */
const V1_CONTROLLERS = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'debug',
  'devices',
  'freezer',
  'hugetlb',
  'memory',
  'misc',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
]);

/** Octal escapes of spaces and the like in mountinfo, proc_pid_mountinfo(5). */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/**
 * The host that /proc/self/mountinfo's text describes. `readControllers` answers the text of a cgroup2 mount's
 * cgroup.controllers.
 */
export function parseCgroupHost(mountinfo: string, readControllers: (mount: string) => string): CgroupHost {
  const v1 = new Map<string, V1Hierarchy>();
  let v2: V2Hierarchy | undefined;
  for (const line of mountinfo.split('\n')) {
    const separator = line.indexOf(' - ');
    if (separator < 0) continue;
    const [, , device, , mountText] = line.slice(0, separator).split(' ');
    const [type, , optionText] = line.slice(separator + 3).split(' ');
    if (device === undefined || mountText === undefined || optionText === undefined) continue;
    const mount = unescapeMount(mountText);
    if (type === 'cgroup2') {
      // The same hierarchy may be mounted again elsewhere; the first is the host's own.
      v2 ??= { mount, controllers: readControllers(mount).split(/\s+/).filter(Boolean) };
    } else if (type === 'cgroup' && !v1.has(device)) {
      const options = optionText.split(',');
      const controllers = options.filter((option) => V1_CONTROLLERS.has(option));
      const name = options.find((option) => option.startsWith('name='))?.slice(5);
      v1.set(device, { mount, controllers, ...(name === undefined ? {} : { name }) });
    }
  }
  const mode = v1.size === 0 ? (v2 === undefined ? 'none' : 'v2') : v2 === undefined ? 'v1' : 'hybrid';
  return { mode, v1: [...v1.values()], ...(v2 === undefined ? {} : { v2 }) };
}

/** This host, from /proc/self/mountinfo and the kernel's list for delegation (Linux 4.15). Throws what reading them throws. */
export function probeCgroups(): CgroupHost {
  const host = parseCgroupHost(readFileSync('/proc/self/mountinfo', 'utf8'), (mount) =>
    readFileSync(join(mount, 'cgroup.controllers'), 'utf8'),
  );
  const delegated = readText('/sys/kernel/cgroup/delegate')?.split('\n').filter(Boolean);
  if (host.v2 === undefined || delegated === undefined) return host;
  return { ...host, v2: { ...host.v2, delegated } };
}
