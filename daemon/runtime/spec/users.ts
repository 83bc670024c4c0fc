/**
 * Which ids "name", "uid", "name:group" and their like mean in a container: passwd(5) and group(5) of its own root,
 * read as the untrusted input they are. A number is always an id, also where a user of that name exists.
 */
import { readInRoot } from '../../../native-bindings/open-in-root.ts';
import { ID_MAX } from './check.ts';
import { SpecError } from './error.ts';

/** A passwd or group file above this is not read. */
const FILE_SIZE_MAX = 16 * 1024 * 1024;
/** NGROUPS_MAX of include/uapi/linux/limits.h. */
const GROUPS_MAX = 65_536;
const NEWLINE = 0x0a;
const NUMBER = /^[+-]?[0-9]+$/;

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Without `gid`. */
  readonly additionalGids: readonly number[];
  /** Of the user's entry, if there is one. */
  readonly name: string | undefined;
  readonly home: string | undefined;
}

/** Files of a root that is no single directory: an image's layers. */
export interface RootFiles {
  /** The bytes of a regular file; undefined where there is none. Throws where it is something else, or larger than `most`. */
  read(path: string, most: number): Buffer | undefined;
}

export interface UserQuery {
  /** Directory of the root on the host, or /proc/PID/root; or who reads in it. */
  readonly root: string | RootFiles;
  /** "name", "uid", "name:group", "uid:gid"; "" is root. */
  readonly user: string;
  /** Further groups, names or numbers. */
  readonly groups?: readonly string[];
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The id that `text` is, or undefined where it is a name. */
function numericId(text: string, field: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const id = Number(text);
  if (!/^[0-9]+$/.test(text) || id > ID_MAX) {
    throw new SpecError(field, `${text} is not an id of 0 to ${String(ID_MAX)}`);
  }
  return id;
}

/** An id as it stands in a file: undefined where it is none. */
function fileId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id > ID_MAX ? undefined : id;
}

function readTable(root: string | RootFiles, path: string, field: string): Buffer | undefined {
  try {
    return typeof root === 'string' ? readInRoot(root, path, FILE_SIZE_MAX) : root.read(path, FILE_SIZE_MAX);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SpecError(field, `cannot be looked up in the container's ${path}: ${why}`, 'invalid', { cause: error });
  }
}

/** The colon-separated fields of each line; comments and empty lines are left out. */
function* lines(table: Buffer | undefined): Generator<readonly string[]> {
  if (table === undefined) return;
  for (let at = 0; at < table.length;) {
    const newline = table.indexOf(NEWLINE, at);
    const end = newline < 0 ? table.length : newline;
    const line = table.toString('utf8', at, end).trim();
    at = end + 1;
    if (line !== '' && !line.startsWith('#')) yield line.split(':');
  }
}

function findAccount(table: Buffer | undefined, wanted: { uid: number } | { name: string }): Account | undefined {
  for (const [name = '', , uidText, gidText, , home = ''] of lines(table)) {
    const uid = fileId(uidText);
    const gid = fileId(gidText);
    if (uid === undefined || gid === undefined || name === '') continue;
    if ('uid' in wanted ? uid === wanted.uid : name === wanted.name) return { name, uid, gid, home };
  }
  return undefined;
}

/** Looks groups up in one reading of the file, which is read at the first name only. */
class GroupFile {
  private table: Buffer | undefined;
  private isRead = false;
  private readonly root: string | RootFiles;

  constructor(root: string | RootFiles) {
    this.root = root;
  }

  private *entries(field: string): Generator<{ name: string; gid: number; members: readonly string[] }> {
    if (!this.isRead) {
      this.table = readTable(this.root, '/etc/group', field);
      this.isRead = true;
    }
    for (const [name = '', , gidText, members = ''] of lines(this.table)) {
      const gid = fileId(gidText);
      if (gid !== undefined && name !== '') yield { name, gid, members: members.split(',') };
    }
  }

  resolve(group: string, field: string): number {
    const id = numericId(group, field);
    if (id !== undefined) return id;
    for (const { name, gid } of this.entries(field)) if (name === group) return gid;
    throw new SpecError(field, `there is no group "${group}" in the container's /etc/group`);
  }

  /** Groups that list `user` as a member. */
  of(user: string, field: string): number[] {
    const gids: number[] = [];
    for (const { gid, members } of this.entries(field)) if (members.includes(user)) gids.push(gid);
    return gids;
  }
}

function resolveAccount(root: string | RootFiles, user: string): { uid: number; account: Account | undefined } {
  const uid = user === '' ? 0 : numericId(user, 'user');
  const table = readTable(root, '/etc/passwd', 'user');
  if (uid !== undefined) return { uid, account: findAccount(table, { uid }) };
  const account = findAccount(table, { name: user });
  if (account === undefined) throw new SpecError('user', `there is no user "${user}" in the container's /etc/passwd`);
  return { uid: account.uid, account };
}

/**
 * As Docker does it: without a group the user's own from /etc/passwd (0 where it has no entry) and those that list it
 * in /etc/group; with a group that one alone.
 *
 * @throws SpecError of `user` or `groups[N]`; what opening `root` throws
 */
export function resolveUser(query: UserQuery): ResolvedUser {
  const colon = query.user.indexOf(':');
  const user = colon < 0 ? query.user : query.user.slice(0, colon);
  const group = colon < 0 ? undefined : query.user.slice(colon + 1);
  if (group === '') throw new SpecError('user', `"${query.user}" names no group after the colon`);
  if (query.user.includes('\0')) throw new SpecError('user', 'contains a NUL byte');

  const { uid, account } = resolveAccount(query.root, user);
  const groupFile = new GroupFile(query.root);
  const gid = group === undefined ? (account?.gid ?? 0) : groupFile.resolve(group, 'user');
  const gids = new Set(group === undefined && account !== undefined ? groupFile.of(account.name, 'user') : []);
  for (const [index, name] of (query.groups ?? []).entries()) {
    gids.add(groupFile.resolve(name, `groups[${String(index)}]`));
  }
  gids.delete(gid);
  if (gids.size > GROUPS_MAX) throw new SpecError('groups', `more than ${String(GROUPS_MAX)}`);
  const home = account?.home === '' ? undefined : account?.home;
  return { uid, gid, additionalGids: [...gids], name: account?.name, home };
}
