/** Options of `mounts[]` by their names in mount(8) and config.md#linux-mount-options, and what each does to a mount. */
import { MOUNT_ATTR, MS } from './kernel.ts';

/** MOUNT_ATTR_* to set and to clear, for one mount or for a tree. */
export interface Attributes {
  set: number;
  clear: number;
}

export interface MountOptions {
  /** Of the mount itself. */
  readonly top: Attributes;
  /** Of the mount and all below it (the options with an "r" in front). */
  readonly tree: Attributes;
  /** MS_* with MS_REC; 0 where nothing is asked for. */
  readonly propagation: number;
  readonly recursiveBind: boolean;
  readonly copyUp: boolean;
  /** Owners are seen through the maps of a user namespace: those of the mount, or of all mounts below it too. */
  readonly idMap: 'none' | 'top' | 'tree';
  /** What is mounted there already is changed. */
  readonly remount: boolean;
  /** What is none of the above: for the file system. */
  readonly data: readonly string[];
}

type Change = readonly [set: number, clear: number];

const { RDONLY, NOSUID, NODEV, NOEXEC, ATIME, NOATIME, STRICTATIME, NODIRATIME, NOSYMFOLLOW } = MOUNT_ATTR;
const RELATIME: Change = [0, ATIME];

/** Without the "r" that makes each of them recursive. */
const ATTRIBUTES = new Map<string, Change>([
  ['ro', [RDONLY, 0]],
  ['rw', [0, RDONLY]],
  ['nosuid', [NOSUID, 0]],
  ['suid', [0, NOSUID]],
  ['nodev', [NODEV, 0]],
  ['dev', [0, NODEV]],
  ['noexec', [NOEXEC, 0]],
  ['exec', [0, NOEXEC]],
  ['nodiratime', [NODIRATIME, 0]],
  ['diratime', [0, NODIRATIME]],
  ['nosymfollow', [NOSYMFOLLOW, 0]],
  ['symfollow', [0, NOSYMFOLLOW]],
  ['noatime', [NOATIME, ATIME]],
  ['strictatime', [STRICTATIME, ATIME]],
  // What the kernel does when none of them is asked for, mount(2).
  ['relatime', RELATIME],
  ['atime', RELATIME],
  ['norelatime', RELATIME],
  ['nostrictatime', RELATIME],
]);

const PROPAGATION = new Map<string, number>([
  ['private', MS.PRIVATE],
  ['slave', MS.SLAVE],
  ['shared', MS.SHARED],
  ['unbindable', MS.UNBINDABLE],
]);

/** They say what is so anyway, or how chatty the kernel is to be. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'bind',
  'defaults',
  'async',
  'nomand',
  'nolazytime',
  'noiversion',
  'silent',
  'loud',
]);

/** Of a file system as a whole, by the names that fsconfig(2) has for them: fs/fs_context.c, and ext4 for the last. */
const FOR_FILE_SYSTEM: ReadonlyMap<string, string> = new Map([
  ['sync', 'sync'],
  ['dirsync', 'dirsync'],
  ['mand', 'mand'],
  ['lazytime', 'lazytime'],
  ['iversion', 'i_version'],
]);

/** What the runtime does itself. */
const WORDS: ReadonlySet<string> = new Set(['rbind', 'tmpcopyup', 'idmap', 'ridmap', 'remount']);

/** Every name that has a meaning here; any other is handed to the file system. */
export const MOUNT_OPTION_NAMES: readonly string[] = [
  ...[...ATTRIBUTES.keys(), ...PROPAGATION.keys()].flatMap((name) => [name, `r${name}`]),
  ...WITHOUT_EFFECT,
  ...FOR_FILE_SYSTEM.keys(),
  ...WORDS,
].sort();

/** What set and clear say together with a later option, which wins. */
function apply(to: Attributes, [set, clear]: Change): void {
  to.set = (to.set & ~clear) | set;
  to.clear = (to.clear & ~set) | clear;
}

function recursive<T>(table: ReadonlyMap<string, T>, option: string): T | undefined {
  return option.startsWith('r') ? table.get(option.slice(1)) : undefined;
}

/** MS_* of "slave" or "rslave" and the like; undefined for anything else. */
export function propagationFlags(option: string): number | undefined {
  const tree = recursive(PROPAGATION, option);
  return tree === undefined ? PROPAGATION.get(option) : tree | MS.REC;
}

/** True for an option that is handed to the file system: known to it alone, or about it as a whole. */
export function isFileSystemOption(name: string): boolean {
  return FOR_FILE_SYSTEM.has(name) || !MOUNT_OPTION_NAMES.includes(name);
}

export function parseMountOptions(options: readonly string[]): MountOptions {
  const top: Attributes = { set: 0, clear: 0 };
  const tree: Attributes = { set: 0, clear: 0 };
  let propagation = 0;
  const data: string[] = [];
  const given = new Set(options);
  for (const option of options) {
    const one = ATTRIBUTES.get(option);
    const all = one === undefined ? recursive(ATTRIBUTES, option) : undefined;
    const flags = propagationFlags(option);
    if (one !== undefined) apply(top, one);
    else if (all !== undefined) apply(tree, all);
    else if (flags !== undefined) propagation = flags;
    else if (!WITHOUT_EFFECT.has(option) && !WORDS.has(option)) data.push(FOR_FILE_SYSTEM.get(option) ?? option);
  }
  const idMap = given.has('ridmap') ? 'tree' : given.has('idmap') ? 'top' : 'none';
  const [recursiveBind, copyUp, remount] = [given.has('rbind'), given.has('tmpcopyup'), given.has('remount')];
  return { top, tree, propagation, recursiveBind, copyUp, remount, idMap, data };
}

/** The MOUNT_ATTR_* of a new mount, which has nothing below it. */
export function newMountAttributes(options: MountOptions): number {
  const both = { ...options.top };
  apply(both, [options.tree.set, options.tree.clear]);
  return both.set;
}
