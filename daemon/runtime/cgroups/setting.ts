/** One value for one file of a control group, and the checks that lead to it. */
import { SpecError } from '../spec/error.ts';
import type { Integer } from '../spec/types.ts';
import type { CgroupHost, ControllerPlace } from './host.ts';
import { controllerPlace } from './host.ts';

export interface Setting {
  /** JSON path of what asked for it, such as "linux.resources.memory.limit". */
  readonly field: string;
  /** Where the hierarchy is mounted. */
  readonly mount: string;
  readonly file: string;
  /** One write(2). */
  readonly value: string;
  /** Of a file with a line per device: the line's key ("8:0") and the value that clears the line. */
  readonly line?: { readonly key: string; readonly cleared: string };
}

export const RESOURCES = 'linux.resources';

const LAST_INT64 = (1n << 63n) - 1n;

/** `value` as an exact bigint from `least` to `most`; throws SpecError. */
export function exactInteger(value: Integer, field: string, least: bigint, most: bigint = LAST_INT64): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new SpecError(field, 'must be an integer');
  const exact = BigInt(value);
  if (exact < least || exact > most) {
    throw new SpecError(field, `must be an integer from ${String(least)} to ${String(most)}, not ${String(exact)}`);
  }
  return exact;
}

/** Zero says "not set", as in runc and Docker. */
export function unlessZero(value: bigint | undefined): bigint | undefined {
  return value === 0n ? undefined : value;
}

export function unsupported(field: string, problem: string): SpecError {
  return new SpecError(field, problem, 'unsupported');
}

/** Where the controller is, by its name in v1 and in v2; throws SpecError `unsupported` where there is none. */
export function requireController(host: CgroupHost, field: string, v1Name: string, v2Name = v1Name): ControllerPlace {
  const place = host.v1.some((hierarchy) => hierarchy.controllers.includes(v1Name))
    ? controllerPlace(host, v1Name)
    : controllerPlace(host, v2Name);
  if (place === undefined) throw unsupported(field, `this host has no ${v1Name} control group controller`);
  return place;
}

/** A setting in the controller's hierarchy; throws SpecError `unsupported` where the kernel is known not to have the file. */
export function setting(place: ControllerPlace, field: string, file: string, value: string | bigint): Setting {
  const { files, mount } = place.hierarchy;
  if (files?.includes(file) === false) throw unsupported(field, `this kernel's control groups have no ${file}`);
  return { field, mount, file, value: String(value) };
}

/** The same for one line of a file with a line per device: "8:0 1048576". */
export function deviceSetting(
  place: ControllerPlace,
  field: string,
  file: string,
  line: { key: string; value: string; cleared: string },
): Setting {
  const whole = setting(place, field, file, `${line.key} ${line.value}`);
  return { ...whole, line: { key: line.key, cleared: `${line.key} ${line.cleared}` } };
}

/** "max" where v2 says it and v1 says -1. */
export function limitText(value: bigint): string {
  return value < 0n ? 'max' : String(value);
}
