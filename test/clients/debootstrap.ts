/** An image of what debootstrap makes: Debian's smallest, of this machine's own release, from where its apt fetches. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../harness/daemon.ts';
import { makeImage, type TestImage } from '../harness/images.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** What apt is set up with, its lists fetched or not: [mirror, release], without the releases of updates alone. */
function mirror(): readonly [string, string] {
  const format = ['indextargets', '--no-release-info', '--format', '$(SITE) $(RELEASE)'];
  const lines = execFileSync('apt-get', format, { encoding: 'utf8' }).split('\n');
  const [site, release] = lines.map((line) => line.split(' ')).find(([, name]) => name?.includes('-') === false) ?? [];
  assert.ok(site !== undefined && release !== undefined, `apt has no mirror of Debian: ${lines.join(', ')}`);
  return [site, release];
}

/**
 * Makes the tree `root`: the packages unpacked and not yet set up (--foreign), which takes half the time and has a
 * shell, dpkg and apt that run.
 */
export async function debootstrap(root: string): Promise<void> {
  const [site, release] = mirror();
  const args = ['--foreign', '--variant=minbase', release, root, site];
  const { code, stdout, stderr } = await run('debootstrap', args, { env: { PATH } });
  assert.equal(code, 0, `debootstrap: ${stdout.slice(-2000)}${stderr}`);
  // The archives of the packages: what debootstrap itself removes at its end, `apt-get clean`.
  rmSync(join(root, 'var/cache/apt/archives'), { recursive: true });
  // What Debian's own slim images leave out.
  for (const name of ['doc', 'info', 'locale', 'man']) rmSync(join(root, 'usr/share', name), { recursive: true });
  // In a container of docker's debootstrap makes /proc a link to itself, over which nobody can mount.
  const proc = join(root, 'proc');
  if (lstatSync(proc).isSymbolicLink()) {
    rmSync(proc);
    mkdirSync(proc);
  }
}

/** One layer, with all that the tree has. */
export async function imageOfTree(root: string): Promise<TestImage> {
  const archive = `${root}.tar`;
  const args = [
    '--format=posix',
    '--pax-option=delete=atime,delete=ctime',
    '--xattrs',
    '-C',
    root,
    '-cf',
    archive,
    '.',
  ];
  const { code, stderr } = await run('tar', args);
  assert.equal(code, 0, stderr);
  return makeImage({ layers: [await readFile(archive)], config: { Cmd: ['/bin/bash'] } });
}
