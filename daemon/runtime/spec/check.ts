/** The small checks of which the validation of a config.json is made; each names the field that is wrong. */
import { posix } from 'node:path';
import { SpecError } from './error.ts';
import type { Integer } from './types.ts';

export interface Rules {
  /**
   * What to do with a property that runtime-spec 1.3.0 does not have for Linux: "refuse" (it is somebody's typing
   * error) or "ignore" (as the specification asks of runtimes, section "Extensibility" of config.md). With "ignore",
   * null counts as absent too, as it does for the runtimes written in Go.
   */
  readonly unknown: 'refuse' | 'ignore';
  /** Is told what is left out with "ignore" although it is a property that there is: it could have no effect. */
  readonly warn?: (field: string, problem: string) => void;
}

/** What is below a value that is checked: the properties of an object, or one check for all entries of a list or map. */
interface Parts {
  readonly properties?: ReadonlyMap<string, Check<unknown>>;
  readonly entries?: { readonly of: 'list' | 'map'; readonly check: Check<unknown> };
}

/** Gives the value back in its type (a copy for objects and lists), or throws SpecError. */
export interface Check<T> extends Parts {
  (value: unknown, field: string, rules: Rules): T;
}

export const U32_MAX = 0xffff_ffff;
/** 2^32-1 is "no id" to the kernel. */
export const ID_MAX = 0xffff_fffe;
export const I64_MIN = -(1n << 63n);
export const I64_MAX = (1n << 63n) - 1n;
export const U64_MAX = (1n << 64n) - 1n;
const PATH_LENGTH_MAX = 4095;

/** Name of a property below `field`; "" is the top. */
export function below(field: string, name: string): string {
  return field === '' ? name : `${field}.${name}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown, field: string): Record<string, unknown> {
  if (!isObject(value)) throw new SpecError(field, `an object is expected, not ${kindOf(value)}`);
  return value;
}

type Shape<T> = { readonly [K in keyof T]-?: Check<Exclude<T[K], undefined>> };

/** An object of these properties. The result has only them. */
export function object<T extends object>(shape: Shape<T>, required: readonly (keyof T & string)[]): Check<T> {
  const checks = new Map<string, Check<unknown>>(Object.entries(shape));
  const check = (value: unknown, field: string, rules: Rules): T => {
    const result: Record<string, unknown> = {};
    for (const [name, part] of Object.entries(objectOf(value, field))) {
      if (part === undefined || (part === null && rules.unknown === 'ignore')) continue;
      const known = checks.get(name);
      if (known !== undefined) result[name] = known(part, below(field, name), rules);
      else if (rules.unknown === 'refuse') throw new SpecError(below(field, name), 'there is no such property');
    }
    for (const name of required) {
      if (!Object.hasOwn(result, name)) throw new SpecError(below(field, name), 'is missing');
    }
    return result as T;
  };
  return Object.assign(check, { properties: checks });
}

/** An object of any keys; `key` may refuse some. */
export function mapOf<T>(check: Check<T>, key?: (name: string, field: string) => void): Check<Record<string, T>> {
  const all = (value: unknown, field: string, rules: Rules): Record<string, T> => {
    const result: Record<string, T> = {};
    for (const [name, part] of Object.entries(objectOf(value, field))) {
      if (name === '__proto__') throw new SpecError(field, 'the key "__proto__" is not allowed');
      text(name, field, rules);
      key?.(name, field);
      result[name] = check(part, below(field, name), rules);
    }
    return result;
  };
  return Object.assign(all, { entries: { of: 'map' as const, check } });
}

export function list<T>(check: Check<T>): Check<T[]> {
  const all = (value: unknown, field: string, rules: Rules): T[] => {
    if (!Array.isArray(value)) throw new SpecError(field, `a list is expected, not ${kindOf(value)}`);
    return value.map((part: unknown, index) => check(part, `${field}[${String(index)}]`, rules));
  };
  return Object.assign(all, { entries: { of: 'list' as const, check } });
}

/** A string that can cross into C: no NUL, and no half of a surrogate pair, which UTF-8 cannot hold. */
export const text: Check<string> = (value, field) => {
  if (typeof value !== 'string') throw new SpecError(field, `a string is expected, not ${kindOf(value)}`);
  if (value.includes('\0')) throw new SpecError(field, 'contains a NUL byte');
  if (!value.isWellFormed()) throw new SpecError(field, 'is not well-formed Unicode');
  return value;
};

export const nonEmpty: Check<string> = (value, field, rules) => {
  if (text(value, field, rules) === '') throw new SpecError(field, 'is empty');
  return value as string;
};

export const boolean: Check<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw new SpecError(field, `true or false is expected, not ${kindOf(value)}`);
  return value;
};

export function oneOf<T extends string>(names: readonly T[]): Check<T> {
  return (value, field, rules) => {
    const name = text(value, field, rules);
    if (!(names as readonly string[]).includes(name)) {
      throw new SpecError(field, `"${name}" is none of ${names.join(', ')}`);
    }
    return name as T;
  };
}

/** A whole number of [least, most]; a number beyond 2^53 has lost its digits already and is refused. */
export function integer(least: Integer, most: Integer): Check<Integer> {
  return (value, field) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw new SpecError(field, `an integer is expected, not ${kindOf(value)}`);
    }
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new SpecError(field, `${String(value)} is not an integer that can be read exactly`);
    }
    if (value < least || value > most) {
      throw new SpecError(field, `${String(value)} is not within ${String(least)} to ${String(most)}`);
    }
    const narrow = Number(value);
    return Number.isSafeInteger(narrow) ? narrow : value;
  };
}

export const u16 = integer(0, 0xffff);
export const u32 = integer(0, U32_MAX);
export const u64 = integer(0, U64_MAX);
export const i32 = integer(-0x8000_0000, 0x7fff_ffff);
export const i64 = integer(I64_MIN, I64_MAX);
/** A user or group id. */
export const id = integer(0, ID_MAX);

function pathLength(path: string, field: string): void {
  if (Buffer.byteLength(path) > PATH_LENGTH_MAX) {
    throw new SpecError(field, `is longer than ${String(PATH_LENGTH_MAX)} bytes`);
  }
}

/** A path, relative or not, as it stands. */
export const anyPath: Check<string> = (value, field, rules) => {
  pathLength(nonEmpty(value, field, rules), field);
  return value as string;
};

/** An absolute path of the host, as it stands: the kernel resolves it. */
export const hostPath: Check<string> = (value, field, rules) => {
  const path = anyPath(value, field, rules);
  if (!path.startsWith('/')) throw new SpecError(field, `"${path}" is not an absolute path`);
  return path;
};

/** An absolute path without ".."; the result has no "//", "/./" and no slash at its end. */
export const absolutePath: Check<string> = (value, field, rules) => {
  const path = anyPath(value, field, rules);
  if (!path.startsWith('/')) throw new SpecError(field, `"${path}" is not an absolute path`);
  if (path.split('/').includes('..')) throw new SpecError(field, `"${path}" contains ".."`);
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
};

/** What was checked by `check` and then also by `further`, which throws. */
export function and<T>(check: Check<T>, further: (value: T, field: string, rules: Rules) => void): Check<T> {
  return after(check, (value, field, rules) => {
    further(value, field, rules);
    return value;
  });
}

/** What `check` gives, as `change` makes it. */
export function after<T>(check: Check<T>, change: (value: T, field: string, rules: Rules) => T): Check<T> {
  const both = (value: unknown, field: string, rules: Rules): T => change(check(value, field, rules), field, rules);
  const { properties, entries } = check;
  return Object.assign(both, properties === undefined ? {} : { properties }, entries === undefined ? {} : { entries });
}

/** What the specification has and this runtime does not do: refused by name unless `idle` says it asks for nothing. */
export function unsupported<T>(check: Check<T>, idle: (value: T) => boolean, problem = 'is not supported'): Check<T> {
  return and(check, (value, field) => {
    if (!idle(value)) throw new SpecError(field, problem, 'unsupported');
  });
}

/**
 * Every property that `check` knows, as paths: "process.user.uid", "mounts[].options[]", "linux.sysctl.*". What holds
 * others (an object, a list of objects) is not named itself.
 */
export function propertiesOf(check: Check<unknown>, path = ''): string[] {
  const { properties, entries } = check;
  if (properties !== undefined) {
    return [...properties].flatMap(([name, part]) => propertiesOf(part, below(path, name)));
  }
  if (entries !== undefined) return propertiesOf(entries.check, entries.of === 'list' ? `${path}[]` : `${path}.*`);
  return [path];
}

/** Refuses a second entry of the same name. */
export function unique<T>(items: readonly T[], field: string, name: (item: T) => string, property: string): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const key = name(item);
    if (seen.has(key)) throw new SpecError(`${field}[${String(index)}].${property}`, `"${key}" stands twice`);
    seen.add(key);
  }
}
