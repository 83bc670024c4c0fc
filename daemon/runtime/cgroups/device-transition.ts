/**
 * Another device list for a running v1 group (cgroup-v1/devices.rst), in steps that nobody in it notices: what is new is
 * allowed first, what is gone is denied then. At no moment is a device closed that both lists allow, or open that
 * neither does. "Deny all" and the list anew would close even /dev/null in between.
 *
 * That works between lists of what is allowed. Where a list says what is denied of everything, the kernel does
 * not tell what that is, and to turn the one kind into the other takes such a moment: refused.
 */
import { join } from 'node:path';
import { deviceWritesV1, resolveDeviceRules, withDefaultDeviceRules } from './device-rules.ts';
import { CgroupError, errorCode, readText, writeOnlyFile } from './files.ts';
import type { DeviceRule } from '../spec/types.ts';
import { RESOURCES, unsupported } from './setting.ts';

const FIELD = `${RESOURCES}.devices`;

/** "c 10:200" → the letters of what is allowed of it. */
type AllowList = ReadonlyMap<string, ReadonlySet<string>>;
const LETTERS = ['r', 'w', 'm'] as const;

interface Write {
  readonly file: 'devices.allow' | 'devices.deny';
  readonly device: string;
  readonly letters: string;
}

/** Lines such as "c 10:200 rw"; several for one device count together. */
function allowList(lines: readonly string[]): AllowList {
  const list = new Map<string, Set<string>>();
  for (const line of lines) {
    const [type = '', numbers = '', letters = ''] = line.split(' ');
    const device = `${type} ${numbers}`;
    const found = list.get(device) ?? new Set<string>();
    for (const letter of LETTERS) if (letters.includes(letter)) found.add(letter);
    list.set(device, found);
  }
  return list;
}

/** What `list` allows beyond `other`. */
function beyond(list: AllowList, other: AllowList, file: Write['file']): Write[] {
  return [...list].flatMap(([device, letters]) => {
    const more = [...letters].filter((letter) => other.get(device)?.has(letter) !== true).join('');
    return more === '' ? [] : [{ file, device, letters: more }];
  });
}

/** In force in the group; throws SpecError where everything but some is allowed. */
function readList(directory: string): AllowList {
  const file = join(directory, 'devices.list');
  const text = readText(file);
  if (text === undefined) throw new CgroupError(file, 'no such file', { code: 'ENOENT', field: FIELD });
  const lines = text.split('\n').filter(Boolean);
  if (lines.some((line) => line.startsWith('a '))) {
    throw unsupported(FIELD, 'a running group of v1 to which every device is open cannot be given a list of devices');
  }
  return allowList(lines);
}

function write(directory: string, { file, device, letters }: Write): void {
  writeOnlyFile(join(directory, file), `${device} ${letters}`);
}

const opposite = ({ file, ...rest }: Write): Write => ({
  ...rest,
  file: file === 'devices.allow' ? 'devices.deny' : 'devices.allow',
});

/** All of `writes`, or none where one is refused. Throws CgroupError. */
function writeList(directory: string, writes: readonly Write[]): void {
  for (const [index, wanted] of writes.entries()) {
    try {
      write(directory, wanted);
    } catch (cause) {
      for (const done of writes.slice(0, index).toReversed()) write(directory, opposite(done));
      const why = errorCode(cause) === 'EPERM' ? 'the group above does not allow it' : errorCode(cause);
      const problem = `cannot write ${wanted.device} ${wanted.letters}: ${why}`;
      throw new CgroupError(join(directory, wanted.file), problem, { cause, field: FIELD });
    }
  }
}

/**
 * What gives the v1 group its new list: `rules` completed by withDefaultDeviceRules. Groups that the container made
 * below its own lose what is denied, but gain nothing by themselves. Throws SpecError at once; the action throws CgroupError.
 */
export function deviceTransition(directory: string, rules: readonly DeviceRule[]): () => void {
  const [first, ...others] = deviceWritesV1(resolveDeviceRules(withDefaultDeviceRules(rules)));
  if (first?.file === 'devices.allow') {
    throw unsupported(FIELD, 'every device cannot be opened to a running group of v1');
  }
  const target = allowList(others.map(({ value }) => value));
  const current = readList(directory);
  return () => {
    writeList(directory, [...beyond(target, current, 'devices.allow'), ...beyond(current, target, 'devices.deny')]);
  };
}
