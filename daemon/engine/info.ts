/** What this daemon is, and what this host can do. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, hostname, release, totalmem } from 'node:os';
import type { Feature, Info, Version } from '../../shared/api/system.ts';
import { controllerPlace } from '../runtime/cgroups/host.ts';
import type { Context } from './context.ts';
import { hasNftables, networkInfo } from './endpoints/info.ts';
import { EngineError } from './errors.ts';

const API_VERSION = 'v1';
const OCI_VERSION = '1.3.0';

/** Controllers that limits are made of, by the name of v1 or, where it has another there, v2. */
const CONTROLLERS = [
  'memory',
  'cpu',
  'cpuset',
  'pids',
  'devices',
  'freezer',
  'blkio',
  'io',
  'hugetlb',
  'rdma',
] as const;

/** As settings-io.ts writes them. */
const IO_WEIGHTS = ['blkio.bfq.weight', 'io.bfq.weight', 'io.weight'] as const;

export function version(tareVersion: string): Version {
  return {
    version: tareVersion,
    apiVersion: API_VERSION,
    ociVersion: OCI_VERSION,
    kernel: release(),
    node: process.versions.node,
    pid: process.pid,
  };
}

export function info(context: Context, tareVersion: string): Info {
  const { places, cgroups } = context;
  const controllers: Record<string, 'v1' | 'v2'> = {};
  for (const name of CONTROLLERS) {
    const place = controllerPlace(cgroups, name);
    if (place !== undefined) controllers[name] = place.version === 1 ? 'v1' : 'v2';
  }
  return {
    version: version(tareVersion),
    root: places.root,
    run: places.run,
    hostname: hostname(),
    cpus: availableParallelism(),
    memory: totalmem(),
    containers: counts(context),
    cgroup: { mode: modeOf(cgroups), controllers, parent: places.cgroupParent },
    network: networkInfo(context),
    features: features(context),
  };
}

/** The daemon does not begin on a host without control groups. */
function modeOf({ mode }: Context['cgroups']): Info['cgroup']['mode'] {
  if (mode !== 'none') return mode;
  throw new EngineError('host_lacks_feature', 'no control group file system is mounted');
}

function counts(context: Context): Info['containers'] {
  const count = { total: 0, running: 0, paused: 0, stopped: 0 };
  for (const { row } of context.containers) {
    count.total += 1;
    if (row.status === 'running' || row.status === 'paused' || row.status === 'stopped') count[row.status] += 1;
  }
  return count;
}

function features(context: Context): Record<string, Feature> {
  const has = (name: string) => controllerPlace(context.cgroups, name) !== undefined;
  const v2 = context.cgroups.v2 !== undefined;
  const needs = (available: boolean, reason: string): Feature => (available ? { available } : { available, reason });
  const controller = (name: string) => needs(has(name), `no control group hierarchy has the controller "${name}"`);
  const file = (names: readonly string[], files: readonly string[], reason: string): Feature => {
    const places = names.map((name) => controllerPlace(context.cgroups, name)).filter((place) => place !== undefined);
    return needs(
      places.some(({ hierarchy }) => files.some((one) => hierarchy.files?.includes(one) === true)),
      reason,
    );
  };
  const namespace = (name: string) => needs(existsSync(`/proc/self/ns/${name}`), `the kernel lacks ${name} namespaces`);
  return {
    memoryLimit: controller('memory'),
    swapLimit: file(['memory'], ['memory.memsw.limit_in_bytes', 'memory.swap.max'], 'the kernel does not count swap'),
    memorySwappiness: file(['memory'], ['memory.swappiness'], 'control groups v2 have no swappiness per group'),
    oomKillDisable: file(['memory'], ['memory.oom_control'], 'control groups v2 cannot turn the OOM killer off'),
    ioWeight: file(['blkio', 'io'], IO_WEIGHTS, 'no I/O scheduler of this kernel has weights'),
    cpuLimit: controller('cpu'),
    cpuset: controller('cpuset'),
    pidsLimit: controller('pids'),
    pause: needs(has('freezer') || v2, 'neither a v1 freezer nor cgroup2 is mounted'),
    deviceRules: needs(has('devices') || v2, 'neither the v1 devices controller nor cgroup2 is mounted'),
    userNamespace: namespace('user'),
    timeNamespace: namespace('time'),
    cgroupNamespace: namespace('cgroup'),
    seccomp: needs(existsSync('/proc/sys/kernel/seccomp/actions_avail'), 'the kernel lacks seccomp filters'),
    overlay: needs(/\boverlay$/m.test(readText('/proc/filesystems')), 'the kernel has no overlay file system'),
    apparmor: needs(readText('/sys/module/apparmor/parameters/enabled').startsWith('Y'), 'AppArmor is not enabled'),
    selinux: needs(existsSync('/sys/fs/selinux/enforce'), 'SELinux is not enabled'),
    bridgeNetwork: needs(hasNftables(), 'the kernel lacks nf_tables (CONFIG_NF_TABLES, or its module)'),
  };
}

/** Empty where there is no such file. */
function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
