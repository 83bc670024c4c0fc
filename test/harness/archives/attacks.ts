/**
 * Archives that try to write, link, mark or remove outside of the directory that they are unpacked to: SECURITY.md's rows
 * CVE-2021-32760, 2025-47290, 2026-17106, 2018-15664. Each of them succeeds where names are joined and followed
 * (naive.ts), which a test shows before it says that they fail.
 */
import { directory, extension, file, hardlink, symlink, tar, type Member } from '../tar.ts';

export interface ArchiveAttack {
  readonly name: string;
  readonly archive: Buffer;
}

type Members = readonly (Member | Buffer)[];

/** Far enough up from wherever it is. */
const UP = '../'.repeat(24);

/** `canary`: the absolute path of a CanaryTree. */
export function archiveAttacks(canary: string): ArchiveAttack[] {
  const below = canary.slice(1);
  const attack = (name: string, ...members: Members): ArchiveAttack => ({
    name,
    // what is sound comes first: that it was unpacked shows that the archive was read
    archive: tar(directory('sound/'), file('sound/file', 'sound'), ...members),
  });
  return [
    ...upwards(below, attack),
    ...throughLinks(canary, attack),
    ...atLinks(canary, attack),
    ...whiteouts(canary, attack),
  ];
}

type Make = (name: string, ...members: Members) => ArchiveAttack;

function upwards(below: string, attack: Make): ArchiveAttack[] {
  const up = `${UP}${below}`;
  return [
    attack('a file by ..', file(`${up}/file`, 'bad')),
    attack('a file by .. behind a directory', file(`sound/${up}/file`, 'bad')),
    attack('a new file by .. in pax', { name: 'plain', pax: { path: `${up}/new` }, data: 'bad' }),
    attack('a file by .. in a GNU long name', extension('L', Buffer.from(`${up}/file\0`)), file('plain', 'bad')),
    attack('a file by .. in the prefix', file('file', 'bad', { patch: { 345: `${UP}${below}`.slice(-155) } })),
    attack('a directory by ..', directory(`${up}/directory/`, { mode: 0o777, uid: 9 })),
    attack('a new directory by ..', directory(`${up}/new/`)),
    attack('a symbolic link by ..', symlink(`${up}/new`, '/etc')),
    attack('a device by ..', { name: `${up}/device`, type: '3', major: 1, minor: 3 }),
    attack('a FIFO by ..', { name: `${up}/fifo`, type: '6' }),
    attack('a hard link to ..', hardlink('h', `${up}/victim`)),
    attack('a hard link to .., written through', hardlink('h', `${up}/victim`), file('h', 'bad')),
    attack('a whiteout by ..', file(`${up}/.wh.hidden`)),
  ];
}

function throughLinks(canary: string, attack: Make): ArchiveAttack[] {
  const ways: [string, Members][] = [
    ['an absolute link', [symlink('way', canary)]],
    ['a relative link', [symlink('way', `${UP}${canary.slice(1)}`)]],
    ['a chain of links', [symlink('sound/one', '../two'), symlink('two', canary), symlink('way', 'sound/one')]],
    ['a link that replaced a directory', [directory('way/'), file('way/x'), symlink('way', canary)]],
    ['a link to the root', [symlink('top', '/'), symlink('way', `top/${UP}${canary.slice(1)}`)]],
  ];
  return ways.flatMap(([how, way]) => [
    attack(`a file through ${how}`, ...way, file('way/file', 'bad')),
    attack(`a new file through ${how}`, ...way, file('way/directory/new', 'bad')),
    attack(`a directory through ${how}`, ...way, directory('way/directory/', { mode: 0o777, uid: 9, gid: 9 })),
    attack(`a directory made through ${how}`, ...way, directory('way/new/')),
    attack(`a hard link through ${how}`, ...way, hardlink('h', 'way/victim')),
    attack(`a hard link made through ${how}`, ...way, hardlink('way/new', 'sound/file')),
    attack(`a FIFO through ${how}`, ...way, { name: 'way/fifo', type: '6' }),
    attack(`a whiteout through ${how}`, ...way, file('way/.wh.hidden')),
    attack(`an opaque directory through ${how}`, ...way, file('way/directory/.wh..wh..opq')),
  ]);
}

/** What stands in the place of a link. */
function atLinks(canary: string, attack: Make): ArchiveAttack[] {
  const to = symlink('l', `${canary}/victim`);
  const toDirectory = symlink('l', `${canary}/directory`);
  return [
    attack('a file in the place of a link', to, file('l', 'bad')),
    attack('a mode through a link', to, file('l', '', { mode: 0o7777, uid: 66, gid: 66 })),
    attack('an attribute through a link', to, file('l', '', { pax: { 'SCHILY.xattr.user.x': 'bad' } })),
    attack('a directory in the place of a link', toDirectory, directory('l/', { mode: 0o777, uid: 66 })),
    attack('a directory with a time in the place of a link', toDirectory, directory('l/', { mtime: 5 })),
    attack(
      'a link that is described by its target',
      symlink('m', `${canary}/victim`, { mode: 0o777, uid: 66, mtime: 5 }),
    ),
    attack('a hard link to a link, written through', to, hardlink('h', 'l'), file('h', 'bad')),
    attack('an absolute hard link', hardlink('h', `${canary}/victim`)),
    attack('an absolute hard link, described', hardlink('h', `${canary}/victim`), file('h', 'bad', { mode: 0o7777 })),
  ];
}

function whiteouts(canary: string, attack: Make): ArchiveAttack[] {
  const way = symlink('way', `${canary}/directory`);
  return [
    attack('a whiteout of the directory above', way, file('way/.wh...')),
    attack('a whiteout of the directory', way, file('way/.wh..')),
    attack('a whiteout whose name is none', way, file('way/.wh.')),
    attack('a whiteout with a slash', file(`.wh.${UP}${canary.slice(1)}/hidden`)),
  ];
}
