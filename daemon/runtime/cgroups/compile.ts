/**
 * A container's control groups → operations of the launch plan.
 *
 * v1 (and hybrid): after clone, so that the shim makes, fills and joins the groups while init is busy mounting.
 * v2 alone: before clone, and the child is born in its group.
 * Only the leaf is made here: its parent is the daemon's, made once by prepareParent.
 */
import { join } from 'node:path';
import type { Operation } from '../plan/operations.ts';
import type { DeviceRule, Resources } from '../spec/types.ts';
import { deviceProgram } from './bpf-devices.ts';
import { deviceWritesV1, resolveDeviceRules, withDefaultDeviceRules } from './device-rules.ts';
import type { CgroupHost } from './host.ts';
import { controllerPlace, groupDirectory, hierarchies } from './host.ts';
import { requireGroupPath } from './path.ts';
import { RESOURCES, unsupported } from './setting.ts';
import { settingsOf } from './settings.ts';

export interface CgroupOperations {
  readonly beforeClone: readonly Operation[];
  readonly afterClone: readonly Operation[];
}

export interface CompiledCgroup extends CgroupOperations {
  /** A file with a line "oom_kill N" (memory.oom_control or memory.events); "" where memory has no controller. */
  readonly oomFile: string;
}

/** An operation on a group's directory or one of its files. */
type GroupOperation = Extract<Operation, { readonly op: `cgroup_${string}`; readonly host: string }>;

/** The file of the group `path` that counts kills by the OOM killer; "" where memory has no controller. */
export function oomFileOf(host: CgroupHost, path: string): string {
  const place = controllerPlace(host, 'memory');
  if (place === undefined) return '';
  const file = place.version === 1 ? 'memory.oom_control' : 'memory.events';
  return join(groupDirectory(place.hierarchy, path), file);
}

function deviceOperations(host: CgroupHost, path: string, rules: readonly DeviceRule[]): GroupOperation[] {
  const resolved = resolveDeviceRules(rules);
  const v1 = host.v1.find((hierarchy) => hierarchy.controllers.includes('devices'));
  if (v1 !== undefined) {
    const directory = groupDirectory(v1, path);
    return deviceWritesV1(resolved).map(({ file, value }) => ({
      op: 'cgroup_write',
      host: join(directory, file),
      value,
    }));
  }
  if (host.v2 === undefined)
    throw unsupported(`${RESOURCES}.devices`, 'this host has no control groups that guard devices');
  return [{ op: 'cgroup_devices', host: groupDirectory(host.v2, path), program: deviceProgram(resolved) }];
}

/**
 * `path`: absolute in every hierarchy, such as "/tare-1a2b/<id>". `resources.devices` are completed by
 * withDefaultDeviceRules. Throws SpecError naming the field.
 */
export function compileCgroup(host: CgroupHost, path: string, resources: Resources = {}): CompiledCgroup {
  requireGroupPath(path);
  const settings = settingsOf(host, resources);
  const oomFile = oomFileOf(host, path);
  if (host.mode === 'none') {
    if (resources.devices !== undefined) {
      throw unsupported(`${RESOURCES}.devices`, 'this host has no control groups that guard devices');
    }
    return { beforeClone: [], afterClone: [], oomFile };
  }
  const all = hierarchies(host);
  const make = all.map(({ mount }): GroupOperation => ({ op: 'cgroup_make', host: join(mount, path), keep: 0 }));
  const write = settings.map(({ mount, file, value }): GroupOperation => ({
    op: 'cgroup_write',
    host: join(mount, path, file),
    value,
  }));
  const devices = deviceOperations(host, path, withDefaultDeviceRules(resources.devices));
  const { early, late } = byBirth(host, [...make, ...write, ...devices]);
  const joined = compileJoin(host, path);
  return { beforeClone: [...early, ...joined.beforeClone], afterClone: [...late, ...joined.afterClone], oomFile };
}

/**
 * v2 groups must be there before the clone, since a process is born into one: moving it there later waits for a
 * grace period of the kernel, 8 to 15 ms after a pause. v1 knows no such birth; its groups are made while init mounts.
 */
function byBirth(host: CgroupHost, operations: readonly GroupOperation[]): { early: Operation[]; late: Operation[] } {
  const isV2 = (operation: GroupOperation): boolean =>
    host.v2 !== undefined && operation.host.startsWith(`${host.v2.mount}/`);
  return { early: operations.filter(isV2), late: operations.filter((operation) => !isV2(operation)) };
}

/** For an exec: into groups that exist. */
export function compileJoin(host: CgroupHost, path: string): CgroupOperations {
  requireGroupPath(path);
  const { v2 } = host;
  return {
    beforeClone: v2 === undefined ? [] : [{ op: 'cgroup_into', host: groupDirectory(v2, path) }],
    afterClone: hierarchies(host)
      .filter((hierarchy) => hierarchy.mount !== v2?.mount)
      .map((hierarchy): Operation => ({ op: 'cgroup_join', host: groupDirectory(hierarchy, path) })),
  };
}
