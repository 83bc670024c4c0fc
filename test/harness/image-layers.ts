/** Layers for the images of tests, as uncompressed tar archives. No file of the host but busybox is read. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addProbe, BUSYBOX } from './rootfs.ts';
import { directory, file, hardlink, symlink, tar, type Member } from './tar.ts';

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\nalice:x:1000:1000::/home/alice:/bin/sh\n';
const GROUP = 'root:x:0:\ndaemon:x:1:\nalice:x:1000:\nwheel:x:10:alice\n';

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const busyboxMembers = once((): Member[] => {
  const names = execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).split('\n');
  const binary = readFileSync(BUSYBOX);
  const links = names
    .filter((name) => name !== '' && name !== 'busybox')
    .map((name) => symlink(`bin/${name}`, 'busybox'));
  return [
    ...['bin/', 'etc/', 'proc/', 'sys/', 'dev/', 'root/', 'home/', 'var/'].map((name) => directory(name)),
    directory('tmp/', { mode: 0o1777 }),
    directory('home/alice/', { uid: 1000, gid: 1000 }),
    { name: 'bin/busybox', mode: 0o755, data: binary },
    ...links,
    file('etc/passwd', PASSWD),
    file('etc/group', GROUP),
  ];
});

/** What makeRootfs() of rootfs.ts makes, with `more` behind it: what a container can run of. */
export function busyboxLayer(...more: readonly (Member | Buffer)[]): Buffer {
  return tar(...busyboxMembers(), ...more);
}

/** test/probe/probe.c as bin/probe, for busyboxLayer() or a layer of its own. */
export const probeMember = once((): Member => {
  const folder = mkdtempSync(join(tmpdir(), 'tare-probe-'));
  try {
    execFileSync('mkdir', [join(folder, 'bin')]);
    addProbe(folder);
    return { name: 'bin/probe', mode: 0o755, data: readFileSync(join(folder, 'bin/probe')) };
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Accounts of more than the usual: number and name cross over, and a group of several. */
export const ODD_ACCOUNTS: readonly Member[] = [
  file('etc/passwd', `${PASSWD}1000:x:4242:4243::/:/bin/sh\nbob:x:70000:70000::/home/bob:/bin/sh\n`),
  file('etc/group', `${GROUP}staff:x:50:alice,bob\n4243:x:4243:\n`),
];

const hour = (n: number): { mtime: number } => ({ mtime: 1_600_000_000 + 3600 * n });
const attribute = (name: string, value: string | Buffer): Record<string, string | Buffer> => ({
  [`SCHILY.xattr.${name}`]: value,
});

/**
 * Layers that lie upon busyboxLayer() and among themselves have everything that a layer may have, ten with it: whiteouts,
 * opaque directories, hardlinks, xattrs, odd ids and times, long names, devices, links that lead everywhere.
 */
export function oddLayers(): Buffer[] {
  const long = `odd/${'long-name/'.repeat(14)}end`;
  return [
    busyboxLayer(),
    tar(
      directory('odd/', { mode: 0o2750, uid: 12, gid: 3_000_000, ...hour(1) }),
      file('odd/a', 'a of the second\n', hour(1)),
      file('odd/b', 'b of the second\n', { uid: 3_000_000, gid: 4_000_000_000, ...hour(2) }),
      hardlink('odd/a-again', 'odd/a', hour(1)),
      file('odd/suid', '#!/bin/sh\n', { mode: 0o4755, uid: 1000, ...hour(3) }),
    ),
    tar(
      file('odd/attributes', 'x', {
        pax: { ...attribute('user.colour', 'green'), ...attribute('user.b', Buffer.from([0, 255, 10])) },
        ...hour(4),
      }),
      directory('odd/with-attributes/', { pax: attribute('user.kind', 'directory'), ...hour(4) }),
    ),
    tar(directory('gone/'), file('gone/file', 'gone'), directory('hidden/'), file('hidden/below', 'below')),
    tar(
      file('.wh.gone'),
      directory('hidden/', hour(5)),
      file('hidden/.wh..wh..opq'),
      file('hidden/anew', 'anew', hour(5)),
    ),
    tar(file('odd/.wh.b'), directory('odd/b/', hour(6)), file('odd/b/inside', 'b is a directory now\n', hour(6))),
    tar(file(long, 'far', hour(7)), symlink(`odd/${'l'.repeat(120)}`, `/${'t'.repeat(200)}`, hour(7))),
    tar(
      symlink('odd/relative', '../etc/passwd', hour(8)),
      symlink('odd/absolute', '/etc/passwd', hour(8)),
      symlink('odd/outside', '../../../../../etc/passwd', hour(8)),
      symlink('odd/nowhere', 'not-there', hour(8)),
    ),
    tar(
      { name: 'odd/null', type: '3', major: 1, minor: 3, mode: 0o666, ...hour(9) },
      { name: 'odd/block', type: '4', major: 7, minor: 300, mode: 0o660, gid: 6, ...hour(9) },
      { name: 'odd/fifo', type: '6', mode: 0o600, ...hour(9) },
    ),
    tar(
      file('odd/precise', 'x', { pax: { mtime: '1600000000.123456789' } }),
      file(Buffer.from('odd/not-utf8-\xe9', 'latin1'), 'x', hour(10)),
      file('odd/empty', '', { mode: 0, ...hour(10) }),
      // a file of a layer far below, as it changes: its links are no longer its own
      file('odd/a', 'a of the tenth\n', hour(10)),
    ),
  ];
}

/** `count` layers: busybox, and then one file each, layers/0002 …, that all of them have once (`same`) and alone. */
export function manyLayers(count: number): Buffer[] {
  const name = (index: number): string => `layers/${String(index).padStart(4, '0')}`;
  return Array.from({ length: count }, (_, index) =>
    index === 0
      ? busyboxLayer()
      : tar(
          directory('layers/'),
          file(name(index + 1), `layer ${index + 1}\n`),
          file('layers/same', `of ${index + 1}\n`),
        ),
  );
}
