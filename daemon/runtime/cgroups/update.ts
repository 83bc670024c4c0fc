/** New limits for a group that is in use. */
import { join } from 'node:path';
import { replaceDeviceProgram } from '../../../native-bindings/bpf.ts';
import type { DeviceRule, Resources } from '../spec/types.ts';
import { deviceProgram } from './bpf-devices.ts';
import { deviceTransition } from './device-transition.ts';
import { resolveDeviceRules, withDefaultDeviceRules } from './device-rules.ts';
import { CgroupError, errorCode, readNumber, readText, writeFile } from './files.ts';
import type { CgroupHost, ControllerPlace } from './host.ts';
import { controllerPlace, groupDirectory } from './host.ts';
import { requireGroupPath } from './path.ts';
import type { Setting } from './setting.ts';
import { RESOURCES, unsupported } from './setting.ts';
import type { InForce } from './settings.ts';
import { settingsOf } from './settings.ts';

const LIMIT_V1 = 'memory.limit_in_bytes';
const SWAP_V1 = 'memory.memsw.limit_in_bytes';

type MemoryPlace = ControllerPlace & { readonly directory: string };

function memoryPlace(host: CgroupHost, path: string): MemoryPlace | undefined {
  const place = controllerPlace(host, 'memory');
  return place === undefined ? undefined : { ...place, directory: groupDirectory(place.hierarchy, path) };
}

/** Bytes; -1 for none, as v2's "max" and v1's largest number of whole pages are. */
function limitInForce(place: MemoryPlace): bigint | undefined {
  const value = readNumber(join(place.directory, place.version === 1 ? LIMIT_V1 : 'memory.max'));
  if (value === undefined) return undefined;
  return value > Number.MAX_SAFE_INTEGER ? -1n : BigInt(value);
}

function inForceOf(host: CgroupHost, path: string): InForce {
  const memory = memoryPlace(host, path);
  const memoryLimit = memory === undefined ? undefined : limitInForce(memory);
  const cpu = controllerPlace(host, 'cpu');
  const max = cpu?.version === 2 ? readText(join(groupDirectory(cpu.hierarchy, path), 'cpu.max')) : undefined;
  const cpuQuota = max?.split(' ')[0];
  return {
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
    ...(cpuQuota === undefined ? {} : { cpuQuota }),
  };
}

/**
 * v1 never lets memory exceed memory+swap: when the limit rises above the sum in force, the sum goes first.
 * Throws CgroupError where the sum in force would forbid the limit and no new one is given.
 */
function orderMemoryV1(place: MemoryPlace, settings: readonly Setting[]): Setting[] {
  const limit = settings.find(({ file }) => file === LIMIT_V1);
  const swap = settings.find(({ file }) => file === SWAP_V1);
  const sum = readNumber(join(place.directory, SWAP_V1));
  const wanted = limit === undefined ? undefined : limit.value === '-1' ? Infinity : Number(limit.value);
  if (limit === undefined || wanted === undefined || sum === undefined || wanted <= sum) return [...settings];
  if (swap === undefined) {
    const size = `more than memory and swap together may be (${String(sum)}); raise that too`;
    throw new CgroupError(join(place.directory, LIMIT_V1), size, { code: 'EINVAL', field: limit.field });
  }
  return [swap, ...settings.filter((setting) => setting !== swap)];
}

/** The kernel never lets the burst exceed the quota: one that falls goes before the quota, which may fall too. */
function orderBurst(path: string, settings: readonly Setting[]): Setting[] {
  const burst = settings.find(({ file }) => file === 'cpu.max.burst' || file === 'cpu.cfs_burst_us');
  const before = burst === undefined ? undefined : readNumber(join(burst.mount, path, burst.file));
  if (burst === undefined || before === undefined || Number(burst.value) >= before) return [...settings];
  return [burst, ...settings.filter((setting) => setting !== burst)];
}

/** v2 takes any limit and then kills; who asked for it is told beforehand, as v1 does by itself. */
function checkUsageV2(place: MemoryPlace, settings: readonly Setting[]): void {
  const limit = settings.find(({ file }) => file === 'memory.max');
  const file = join(place.directory, 'memory.current');
  const current = readNumber(file);
  if (limit === undefined || limit.value === 'max' || current === undefined || current <= Number(limit.value)) return;
  throw new CgroupError(file, `${String(current)} bytes are in use, more than the new limit`, {
    code: 'EBUSY',
    field: limit.field,
  });
}

/** What to write to have today's value again, line by line. */
function restoration(file: string, setting: Setting): string[] {
  const text = readText(file);
  if (text === undefined) throw new CgroupError(file, 'no such file', { code: 'ENOENT', field: setting.field });
  if (setting.file === 'memory.oom_control') return [/^oom_kill_disable ([01])$/m.exec(text)?.[1] ?? '0'];
  const { line } = setting;
  if (line !== undefined) {
    const before = text.split('\n').find((candidate) => candidate.startsWith(`${line.key} `));
    return before === undefined ? [line.cleared] : [before];
  }
  // A group with processes cannot be given an empty cpuset again (ENOSPC): what "empty" stands for is said outright.
  if (text === '' && setting.file.startsWith('cpuset.')) return [readText(`${file}.effective`) ?? '\n'];
  // An empty list is said by a newline: write(2) of nothing does nothing.
  return text === '' ? ['\n'] : text.split('\n');
}

function refusal(file: string, { field, value }: Setting, cause: unknown): CgroupError {
  const code = errorCode(cause);
  const why =
    code === 'EBUSY' && field.includes('.memory.') ? 'more is in use than the new limit' : `the kernel says ${code}`;
  return new CgroupError(file, `cannot write ${value}: ${why}`, { cause, code, field });
}

/** Does all or, where the kernel refuses one thing, nothing: what was written before is put back. `last` comes last. */
function writeAll(path: string, settings: readonly Setting[], last: () => void): void {
  const undo: { file: string; lines: readonly string[] }[] = [];
  const takeBack = (problem: CgroupError): never => {
    const failures = putBack(undo.toReversed());
    if (failures.length === 0) throw problem;
    throw new AggregateError([problem, ...failures], `${problem.message}; and the values before could not be put back`);
  };
  for (const setting of settings) {
    const file = join(setting.mount, path, setting.file);
    const lines = restoration(file, setting);
    try {
      writeFile(file, setting.value);
    } catch (error) {
      takeBack(refusal(file, setting, error));
    }
    undo.push({ file, lines });
  }
  try {
    last();
  } catch (error) {
    if (!(error instanceof CgroupError)) throw error;
    takeBack(error);
  }
}

/** What gives the group its new device list or filter. Throws SpecError at once; the action throws CgroupError. */
function deviceAction(host: CgroupHost, path: string, rules: readonly DeviceRule[] | undefined): () => void {
  if (rules === undefined) return () => undefined;
  const field = `${RESOURCES}.devices`;
  const v1 = controllerPlace(host, 'devices');
  if (v1 !== undefined) return deviceTransition(groupDirectory(v1.hierarchy, path), rules);
  const { v2 } = host;
  if (v2 === undefined) throw unsupported(field, 'this host has no control groups that guard devices');
  const program = deviceProgram(resolveDeviceRules(withDefaultDeviceRules(rules)));
  return () => {
    const directory = groupDirectory(v2, path);
    try {
      replaceDeviceProgram(directory, program);
    } catch (cause) {
      throw new CgroupError(directory, 'cannot replace the device filter', { cause, field });
    }
  };
}

function putBack(undo: readonly { file: string; lines: readonly string[] }[]): unknown[] {
  const failures: unknown[] = [];
  for (const { file, lines } of undo) {
    try {
      for (const line of lines) writeFile(file, line);
    } catch (error) {
      failures.push(new CgroupError(file, 'cannot put the value back', { cause: error }));
    }
  }
  return failures;
}

/**
 * Gives the running group `path` the limits of `resources`; what is absent stays as it is. All or nothing.
 * `resources.devices` takes the place of the whole list (completed by withDefaultDeviceRules): on v2 in one step, on v1
 * device by device (device-transition.ts).
 * Throws SpecError for a value that is wrong or that this host cannot honour, CgroupError for one that the
 * kernel refuses now: EBUSY where more memory is in use than the new limit (on v2 only with
 * `memory.checkBeforeUpdate`: without it the kernel reclaims, and kills where that does not do).
 */
export function update(host: CgroupHost, path: string, resources: Resources): void {
  requireGroupPath(path);
  const devices = deviceAction(host, path, resources.devices);
  let settings = orderBurst(path, settingsOf(host, resources, inForceOf(host, path)));
  const memory = memoryPlace(host, path);
  if (memory?.version === 1) settings = orderMemoryV1(memory, settings);
  else if (memory !== undefined && resources.memory?.checkBeforeUpdate === true) checkUsageV2(memory, settings);
  writeAll(path, settings, devices);
}
