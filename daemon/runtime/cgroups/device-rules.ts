/** linux.resources.devices: which devices a container may reach; config-linux.md "Allowed Device list". */
import { SpecError } from '../spec/error.ts';
import type { DeviceRule } from '../spec/types.ts';
import { exactInteger, RESOURCES, unsupported } from './setting.ts';

/** Bits of `access`: BPF_DEVCG_ACC_* of include/uapi/linux/bpf.h. */
export const ACCESS = { m: 1, r: 2, w: 4 } as const;
const EVERY_ACCESS = 7;

/** A rule with its values resolved. "b" or "c"; an absent number is any. */
export interface ResolvedRule {
  readonly allow: boolean;
  readonly type: 'b' | 'c';
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly access: number;
  /** JSON path of the rule. */
  readonly field: string;
}

const character = (major: number, minor?: number): DeviceRule => ({
  allow: true,
  type: 'c',
  major,
  ...(minor === undefined ? {} : { minor }),
  access: 'rwm',
});

/** null, zero, full, random, urandom, tty, console, ptmx, every pts; and mknod of anything (to open it is another matter). */
const DEFAULT_RULES: readonly DeviceRule[] = [
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  character(1, 3),
  character(1, 5),
  character(1, 7),
  character(1, 8),
  character(1, 9),
  character(5, 0),
  character(5, 1),
  character(5, 2),
  character(136),
];

/** Deny all, then what `rules` say, then what every container may reach (as in runc, a rule cannot take that away). */
export function withDefaultDeviceRules(rules: readonly DeviceRule[] = []): DeviceRule[] {
  return [{ allow: false, access: 'rwm' }, ...rules, ...DEFAULT_RULES];
}

const FIELD = `${RESOURCES}.devices`;

function resolveAccess(access: string | undefined, field: string): number {
  if (access === undefined || access === '') return EVERY_ACCESS;
  let bits = 0;
  for (const letter of access) {
    if (letter !== 'r' && letter !== 'w' && letter !== 'm') {
      throw new SpecError(`${field}.access`, `${JSON.stringify(access)} is not made of the letters r, w and m`);
    }
    bits |= ACCESS[letter];
  }
  return bits;
}

function resolveNumber(value: DeviceRule['major'], field: string): number | undefined {
  if (value === undefined) return undefined;
  // -1 is how older specifications wrote "any".
  const number = Number(exactInteger(value, field, -1n, 0xffff_ffffn));
  return number === -1 ? undefined : number;
}

/** `rules` in order, one of type "a" as one for each type; a later rule wins. Throws SpecError. */
export function resolveDeviceRules(rules: readonly DeviceRule[]): ResolvedRule[] {
  return rules.flatMap((rule, index) => {
    const field = `${FIELD}[${String(index)}]`;
    const access = resolveAccess(rule.access, field);
    const major = resolveNumber(rule.major, `${field}.major`);
    const minor = resolveNumber(rule.minor, `${field}.minor`);
    const one = (type: 'b' | 'c'): ResolvedRule => ({ allow: rule.allow, type, major, minor, access, field });
    switch (rule.type ?? 'a') {
      case 'a':
        return [one('c'), one('b')];
      case 'b':
        return [one('b')];
      case 'c':
      case 'u':
        return [one('c')];
      default:
        throw new SpecError(`${field}.type`, `${JSON.stringify(rule.type)} is not a, b, c or u`);
    }
  });
}

/** An entry of a v1 group's list: what is excepted from its default. */
interface Exception {
  readonly type: 'b' | 'c';
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly access: number;
}

function covers(wide: Exception, narrow: Exception): boolean {
  const number = (a: number | undefined, b: number | undefined): boolean => a === undefined || a === b;
  return wide.type === narrow.type && number(wide.major, narrow.major) && number(wide.minor, narrow.minor);
}

function overlaps(a: Exception, b: Exception): boolean {
  const number = (x: number | undefined, y: number | undefined): boolean =>
    x === undefined || y === undefined || x === y;
  return a.type === b.type && number(a.major, b.major) && number(a.minor, b.minor) && (a.access & b.access) !== 0;
}

const isEverything = (rule: ResolvedRule): boolean =>
  rule.major === undefined && rule.minor === undefined && rule.access === EVERY_ACCESS;

function exceptionText({ type, major, minor, access }: Exception): string {
  const letters = (['r', 'w', 'm'] as const).filter((letter) => (access & ACCESS[letter]) !== 0).join('');
  return `${type} ${String(major ?? '*')}:${String(minor ?? '*')} ${letters}`;
}

/**
 * The exceptions once `rule` spoke against the default (it adds itself) or for it (it takes away). v1 has one
 * default and one kind of exception, so "allow the wide, deny the narrow" cannot be said there.
 */
function applyRule(exceptions: readonly Exception[], rule: ResolvedRule, defaultAllow: boolean): Exception[] {
  const { type, major, minor, access } = rule;
  const entry: Exception = { type, major, minor, access };
  if (rule.allow !== defaultAllow) return [...exceptions, entry];
  return exceptions.flatMap((exception) => {
    if (!overlaps(exception, entry)) return [exception];
    if (!covers(entry, exception)) {
      throw unsupported(rule.field, 'control groups v1 cannot except a device from a wider rule before it');
    }
    const left = exception.access & ~access;
    return left === 0 ? [] : [{ ...exception, access: left }];
  });
}

export interface V1Write {
  readonly file: 'devices.allow' | 'devices.deny';
  readonly value: string;
}

/**
 * What to write to a v1 group, in order, so that it holds exactly `rules` (cgroup-v1/devices.rst). Throws SpecError,
 * `unsupported` for a list that v1 cannot express.
 */
export function deviceWritesV1(rules: readonly ResolvedRule[]): V1Write[] {
  // "Everything" comes as one rule for each type; both must have been said for the default to change.
  let defaultAllow = false;
  let exceptions: Exception[] = [];
  for (const [index, rule] of rules.entries()) {
    const next = rules[index + 1];
    const isPair = isEverything(rule) && next?.field === rule.field && next.type !== rule.type;
    const isSecond = isEverything(rule) && rules[index - 1]?.field === rule.field;
    if (isSecond) continue;
    if (isPair) {
      defaultAllow = rule.allow;
      exceptions = [];
    } else {
      exceptions = applyRule(exceptions, rule, defaultAllow);
    }
  }
  const first = defaultAllow ? 'devices.allow' : 'devices.deny';
  const others = defaultAllow ? 'devices.deny' : 'devices.allow';
  const texts = [...new Set(exceptions.map(exceptionText))];
  return [{ file: first, value: 'a' }, ...texts.map((value): V1Write => ({ file: others, value }))];
}
