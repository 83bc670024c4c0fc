/**
 * `linux.intelRdt`: a class of service (a directory of resctrl) and in it a group to be monitored, entered like a control
 * group. Documentation/filesystems/resctrl.rst.
 */
import { join } from 'node:path';
import type { HostFacts, Resctrl } from '../host-facts.ts';
import { SpecError } from '../spec/error.ts';
import type { IntelRdt, Linux } from '../spec/types.ts';
import type { Operation } from './operations.ts';

const FIELD = 'linux.intelRdt';
/** The class of the root, which always exists. */
const ROOT_CLASS = '/';

interface Places {
  readonly directory: string;
  /** What the process enters, in this order: it has to be in a class before it can be in one of its groups. */
  readonly tasks: readonly string[];
}

function places({ closID = '', enableMonitoring }: IntelRdt, mount: string, id: string): Places {
  const directory = closID === ROOT_CLASS ? mount : join(mount, closID === '' ? id : closID);
  const monitored = enableMonitoring === true ? [join(directory, 'mon_groups', id)] : [];
  return { directory, tasks: [directory, ...monitored] };
}

/** What is written, one text a write. A line of memBwSchema takes the place of those that l3CacheSchema has for bandwidth. */
function schemata({ l3CacheSchema = '', memBwSchema = '', schemata: last = [] }: IntelRdt): string[] {
  const isKept = (line: string): boolean => line !== '' && (memBwSchema === '' || !line.startsWith('MB:'));
  const older = l3CacheSchema.split('\n').filter(isKept);
  if (memBwSchema !== '') older.push(memBwSchema);
  return [older, last].filter((lines) => lines.length > 0).map((lines) => `${lines.join('\n')}\n`);
}

/** "L3:0=ff" for each resource and domain; masks are written with any number of zeros in front. */
function settingsOf(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [resource = '', list = ''] = line.trim().split(':');
    for (const setting of list.split(';').filter(Boolean)) {
      const [domain = '', value = ''] = setting.split('=');
      settings.set(
        `${resource}:${domain.trim()}`,
        value
          .trim()
          .replace(/^0+(?=.)/, '')
          .toLowerCase(),
      );
    }
  }
  return settings;
}

/** A class that is there already is somebody else's as well: it is entered as it is, or not at all. */
function requireSame(wanted: readonly string[], standing: string, closID: string): void {
  const found = settingsOf(standing);
  for (const [place, value] of settingsOf(wanted.join(''))) {
    if (found.get(place) === value) continue;
    const now = found.get(place) ?? 'nothing';
    throw new SpecError(FIELD, `class "${closID}" exists with ${place}=${now}, not ${value}`, 'unsupported');
  }
}

function resctrlOf({ resctrl }: HostFacts): Resctrl {
  if (resctrl === undefined) throw new SpecError(FIELD, 'resctrl is not mounted on this host', 'unsupported');
  return resctrl;
}

/** The class's own operations: none where it is there. */
function makeClass(wanted: IntelRdt, directory: string, resctrl: Resctrl): Operation[] {
  const { closID = '' } = wanted;
  const texts = schemata(wanted);
  const standing = resctrl.schemataOf(directory);
  if (closID !== '' && standing !== undefined) {
    requireSame(texts, standing, closID);
    return [];
  }
  if (closID !== '' && texts.length === 0) {
    throw new SpecError(`${FIELD}.closID`, `there is no class "${closID}"`, 'unsupported');
  }
  // One that is named is for others too, and stays when this container goes.
  const made: Operation = { op: 'cgroup_make', host: directory, keep: closID === '' ? 0 : 1 };
  return [made, ...texts.map((value): Operation => ({ op: 'cgroup_write', host: join(directory, 'schemata'), value }))];
}

/**
 * All of it after `clone`: the shim makes and fills the groups, init enters them when it is settled.
 * @throws SpecError where the host has no resctrl, or a class that is not as wanted
 */
export function compileIntelRdt(linux: Linux | undefined, host: HostFacts, id: string): Operation[] {
  if (linux?.intelRdt === undefined) return [];
  const resctrl = resctrlOf(host);
  const { directory, tasks } = places(linux.intelRdt, resctrl.mount, id);
  return [
    ...makeClass(linux.intelRdt, directory, resctrl),
    ...tasks.slice(1).map((group): Operation => ({ op: 'cgroup_make', host: group, keep: 0 })),
    ...tasks.map((group): Operation => ({ op: 'cgroup_join', host: group })),
  ];
}

/** An exec goes where init is. */
export function joinIntelRdt(linux: Linux | undefined, host: HostFacts, id: string): Operation[] {
  if (linux?.intelRdt === undefined) return [];
  const { tasks } = places(linux.intelRdt, resctrlOf(host).mount, id);
  return tasks.map((group): Operation => ({ op: 'cgroup_join', host: group }));
}
