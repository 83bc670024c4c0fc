/** An image that umoci makes, layer by layer, of changes to a tree; and the tree that umoci makes of it. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setXattr } from '../../native-bindings/xattr.ts';

interface Step {
  /** Of a shell, in the tree's root. */
  readonly script: string;
  /** [path, name, value] */
  readonly xattrs?: readonly (readonly [string, string, string])[];
}

/** Ten layers: whiteouts, a directory that is another one, links, attributes, odd owners, modes and times, nodes. */
const STEPS: readonly Step[] = [
  {
    script: `mkdir -p bin etc a/b/c gone/deep; cp /bin/busybox bin/; ln -s busybox bin/sh; ln bin/busybox bin/ls
      echo one >a/one; echo x >gone/deep/x; touch -d 2001-01-01T00:00:00 a/one`,
  },
  { script: 'ln a/one a/two; echo 2 >a/b/c/two; chown 3000000:4000000000 a/b/c/two' },
  { script: 'rm -r gone; chmod 4755 a/b/c/two', xattrs: [['a/one', 'user.colour', 'red']] },
  { script: 'rm a/two; mkdir gone; echo back >gone/new' },
  { script: 'rm -r a/b; mkdir a/b; echo fresh >a/b/fresh; chmod 1777 a/b', xattrs: [['a/b', 'user.of', 'directory']] },
  { script: 'mkfifo -m 622 p; mknod null c 1 3; ln -s /nowhere dangling; chown -h 3000000:4000000000 dangling' },
  { script: 'chown 12:13 etc; chmod 2750 etc; touch -d 1999-01-02 etc' },
  { script: 'echo six >a/one; ln a/one etc/linked' },
  { script: 'rm bin/ls; mkdir -p deep/er/and/deeper; echo d >deep/er/and/deeper/file' },
  { script: `rm -r deep/er; printf x >"$(printf 'bytes-\\377')"; mkdir deep/er` },
];

function umoci(folder: string, ...args: string[]): void {
  execFileSync('umoci', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Makes `folder`/layout, whose image is "x", and `folder`/umoci/rootfs, which is what umoci unpacks of it. */
export function makeUmociImage(folder: string): { readonly source: string; readonly rootfs: string } {
  mkdirSync(folder, { recursive: true });
  umoci(folder, 'init', '--layout', 'layout');
  umoci(folder, 'new', '--image', 'layout:x');
  umoci(folder, 'config', '--image', 'layout:x', '--config.cmd', '/bin/sh', '--architecture', 'amd64');
  const bundle = join(folder, 'bundle');
  for (const { script, xattrs = [] } of STEPS) {
    umoci(folder, 'unpack', '--image', 'layout:x', 'bundle');
    const root = join(bundle, 'rootfs');
    execFileSync('sh', ['-ec', `umask 022; ${script}`], { cwd: root });
    for (const [path, name, value] of xattrs) {
      const fd = openSync(join(root, path), 'r');
      setXattr(fd, name, Buffer.from(value));
      closeSync(fd);
    }
    umoci(folder, 'repack', '--image', 'layout:x', 'bundle');
    rmSync(bundle, { recursive: true });
  }
  umoci(folder, 'unpack', '--image', 'layout:x', 'umoci');
  return { source: `oci:${join(folder, 'layout')}:x`, rootfs: join(folder, 'umoci/rootfs') };
}
