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

/** The file of the group `path` that counts kills by the OOM killer; "" where memory has no controller. */
export function oomFileOf(host: CgroupHost, path: string): string {
  const place = controllerPlace(host, 'memory');
  if (place === undefined) return '';
  const file = place.version === 1 ? 'memory.oom_control' : 'memory.events';
  return join(groupDirectory(place.hierarchy, path), file);
}

function deviceOperations(host: CgroupHost, path: string, rules: readonly DeviceRule[]): Operation[] {
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
  const make = all.map(({ mount }): Operation => ({ op: 'cgroup_make', host: join(mount, path) }));
  const write = settings.map(({ mount, file, value }): Operation => ({
    op: 'cgroup_write',
    host: join(mount, path, file),
    value,
  }));
  const devices = deviceOperations(host, path, withDefaultDeviceRules(resources.devices));
  const fill = [...make, ...write, ...devices];
  const { beforeClone, afterClone } = compileJoin(host, path);
  return host.mode === 'v2'
    ? { beforeClone: [...fill, ...beforeClone], afterClone, oomFile }
    : { beforeClone, afterClone: [...fill, ...afterClone], oomFile };
}

/** For an exec: into groups that exist. */
export function compileJoin(host: CgroupHost, path: string): CgroupOperations {
  requireGroupPath(path);
  if (host.mode === 'v2' && host.v2 !== undefined) {
    return { beforeClone: [{ op: 'cgroup_into', host: groupDirectory(host.v2, path) }], afterClone: [] };
  }
  const joins = hierarchies(host).map((hierarchy): Operation => ({
    op: 'cgroup_join',
    host: groupDirectory(hierarchy, path),
  }));
  return { beforeClone: [], afterClone: joins };
}
