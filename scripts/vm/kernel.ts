/** Debian's kernel for virtual machines and its modules, unpacked below a directory and never installed. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { dependency, unpackPackage } from './debian.ts';

/** Names the newest kernel of the release by what it depends on. */
const PACKAGE = 'linux-image-cloud-amd64';

export interface Kernel {
  /** vmlinuz. */
  readonly image: string;
  /** Such as "6.1.0-56-cloud-amd64". */
  readonly release: string;
  /** lib/modules/RELEASE. */
  readonly modules: string;
}

function unpacked(directory: string): Kernel | undefined {
  const [image] = globSync(join(directory, 'boot/vmlinuz-*'));
  if (image === undefined) return undefined;
  const release = basename(image).slice('vmlinuz-'.length);
  // Debian 13 has /lib as a link to /usr/lib, and the package's files there.
  const modules = ['lib/modules', 'usr/lib/modules'].map((place) => join(directory, place, release)).find(existsSync);
  return modules === undefined ? undefined : { image, release, modules };
}

/** Downloads it at the first call; to have a newer one later, remove `directory`. Throws what apt-get says. */
export function fetchKernel(directory: string): Kernel {
  if (unpacked(directory) === undefined) {
    unpackPackage(dependency(PACKAGE, /^linux-image-/), directory, (fresh) => {
      if (unpacked(fresh) === undefined)
        throw new Error(`the Debian package ${PACKAGE} leads to no kernel with modules`);
    });
  }
  const kernel = unpacked(directory);
  if (kernel === undefined) throw new Error(`${directory} holds no kernel`);
  return kernel;
}

/**
 * Files of the modules `names` and of all that they need, each after what it needs, so that insmod in this order
 * works. One that is built into the kernel has no file and is left out.
 */
export function moduleFiles(kernel: Kernel, names: readonly string[]): string[] {
  const plain = (name: string): string => name.replaceAll('-', '_');
  const files = new Map<string, string>();
  for (const file of globSync('**/*.ko', { cwd: join(kernel.modules, 'kernel') })) {
    files.set(plain(basename(file, '.ko')), join(kernel.modules, 'kernel', file));
  }
  const builtIn = readFileSync(join(kernel.modules, 'modules.builtin'), 'utf8');
  const ordered = new Set<string>();
  const add = (name: string): void => {
    const file = files.get(plain(name));
    if (file === undefined) {
      if (builtIn.split('\n').some((line) => plain(basename(line, '.ko')) === plain(name))) return;
      throw new Error(`the kernel ${kernel.release} has no module ${name}`);
    }
    // The section .modinfo: "key=value" with a NUL after each, modinfo(8).
    const needed = /(?:^|\0)depends=([^\0]*)\0/.exec(readFileSync(file, 'latin1'))?.[1] ?? '';
    for (const other of needed.split(',')) if (other !== '') add(other);
    ordered.add(file);
  };
  names.forEach(add);
  return [...ordered];
}
