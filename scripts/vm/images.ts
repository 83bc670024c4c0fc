/**
 * What the virtual machine boots from: an initramfs that only finds the disk, and the disk, an ext4 file system with
 * busybox, Node, tare as it is built and the tests as bundles. (A root file system in the initramfs would not do:
 * pivot_root(2) refuses to leave it.)
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { build as bundle, type Plugin } from 'esbuild';
import { moduleFiles, type Kernel } from './kernel.ts';
import { Tree, unlessMade } from './tree.ts';

const BUSYBOX = '/bin/busybox';
const SOURCES = import.meta.dirname;
/** Where tare lies in the guest. */
const GUEST_TOP = '/tare';
const DISK_MEGABYTES = 768;

const DISK_MODULES = ['virtio_pci', 'virtio_blk'];
/** Overlay for root file systems, bfq for I/O weights; the rest as a network will want it. */
const GUEST_MODULES = ['overlay', 'bfq', 'veth', 'bridge'];

/** What of node_modules is needed at run time: Node itself and the native add-ons, which are not in the bundles. */
const RUNTIME = [
  'node/bin/node',
  'koffi/package.json',
  'koffi/*.{js,cjs}',
  'koffi/{lib,src}/**/*.{js,cjs}',
  '@koromix/koffi-linux-x64/package.json',
  '@koromix/koffi-linux-x64/*.{js,cjs}',
  '@koromix/koffi-linux-x64/linux_x64/koffi.node',
  'better-sqlite3/package.json',
  'better-sqlite3/lib/**/*.js',
  'better-sqlite3/prebuilds/linux-x64.node',
];

function addModules(tree: Tree, folder: string, kernel: Kernel, names: readonly string[]): void {
  for (const [index, file] of moduleFiles(kernel, names).entries()) {
    tree.file(`${folder}/${String(index).padStart(2, '0')}-${basename(file)}`, file);
  }
}

export function makeInitramfs(folder: string, kernel: Kernel): string {
  const tree = new Tree();
  for (const name of ['dev', 'proc', 'newroot']) tree.directory(name);
  tree.file('bin/busybox', BUSYBOX, 0o755);
  tree.file('init', join(SOURCES, 'guest-init.sh'), 0o755);
  addModules(tree, 'modules', kernel, DISK_MODULES);
  const product = join(folder, 'initramfs.cpio');
  unlessMade(product, tree, '', () => {
    const staged = join(folder, 'initramfs');
    tree.write(staged);
    const names = globSync('**', { cwd: staged }).join('\n');
    execFileSync('cpio', ['--quiet', '-o', '-H', 'newc', '-F', product], { cwd: staged, input: names });
    rmSync(staged, { recursive: true });
  });
  return product;
}

/** The program and libraries that a dynamic program loads, ldd(1), at the paths where it looks for them. */
function addLibraries(tree: Tree, program: string): void {
  for (const [, library] of execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)) {
    if (library !== undefined) tree.file(library.slice(1), library, 0o755);
  }
}

function addBusybox(tree: Tree): void {
  tree.file('bin/busybox', BUSYBOX, 0o755);
  for (const name of execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).split('\n')) {
    if (name !== '' && name !== 'busybox') tree.link(`bin/${name}`, 'busybox');
  }
}

function addSystem(tree: Tree): void {
  for (const name of ['dev', 'proc', 'sys', 'run', 'root', 'var/lib', 'etc']) tree.directory(name);
  tree.directory('tmp', 0o1777);
  tree.text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  tree.text('etc/group', 'root:x:0:\n');
  tree.link('var/run', '../run');
  addBusybox(tree);
  tree.file('sbin/init', join(SOURCES, 'guest-tests.sh'), 0o755);
}

/**
 * import.meta of a source as it would be in the guest: where the source would lie, not where its bundle does; and
 * only the test itself is the main program.
 */
function guestPaths(top: string): Plugin {
  return {
    name: 'guest-paths',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const place = JSON.stringify(join(GUEST_TOP, dirname(relative(top, path))));
        const text = readFileSync(path, 'utf8').replaceAll('import.meta.dirname', place);
        return { contents: text.replaceAll('import.meta.main', 'false'), loader: 'ts' };
      });
    },
  };
}

/** Files that run in one process, one after the other: under emulation to begin one, and its daemon, takes seconds. */
export type TestGroups = Readonly<Record<string, readonly string[]>>;

/** A bundle for each group, so that the guest need not strip types; paths relative to GUEST_TOP. */
async function addTests(tree: Tree, top: string, folder: string, groups: TestGroups): Promise<void> {
  const bundles = join(folder, 'tests');
  rmSync(bundles, { recursive: true, force: true });
  const text = (files: readonly string[]): string =>
    files.map((file) => `import ${JSON.stringify(join(top, file))};\n`).join('');
  const names = Object.keys(groups);
  for (const name of names) {
    await bundle({
      stdin: { contents: text(groups[name] ?? []), resolveDir: top, sourcefile: `${name}.js` },
      outfile: join(bundles, `${name}.mjs`),
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      external: ['koffi', 'better-sqlite3'],
      logLevel: 'warning',
      sourcemap: 'inline',
      sourcesContent: false,
      plugins: [guestPaths(top)],
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    });
    tree.file(`tare/tests/${name}.mjs`, join(bundles, `${name}.mjs`));
  }
  tree.text('tare/tests/list', `${names.map((name) => `tests/${name}.mjs`).join('\n')}\n`);
}

/** test/probe/probe.c, which tests run in containers: the guest has no compiler. */
function addProbe(tree: Tree, top: string, folder: string): void {
  const program = join(folder, 'probe');
  const source = join(top, 'test/probe/probe.c');
  const stale = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (stale < statSync(source).mtimeMs) {
    execFileSync('cc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
  }
  tree.file('tare/build/vm/probe', program, 0o755);
}

/** The disk with everything on it. `tests`: paths of test files, relative to `top`; `policy`: for AppArmor. */
export async function makeDisk(
  folder: string,
  { top, kernel, policy, tests }: { top: string; kernel: Kernel; policy: string; tests: TestGroups },
): Promise<string> {
  const tree = new Tree();
  addSystem(tree);
  addModules(tree, 'lib/modules', kernel, GUEST_MODULES);
  const own = ['bin/tare*', 'package.json', 'build/shim/tare-shim', 'dist/*', 'migrations/*'];
  const runtime = RUNTIME.map((pattern) => join('node_modules', pattern));
  for (const pattern of [...own, ...runtime]) {
    const found = globSync(pattern, { cwd: top }).filter((path) => statSync(join(top, path)).isFile());
    if (found.length === 0 && !pattern.includes('*')) throw new Error(`${pattern} is missing`);
    for (const path of found) tree.file(`tare/${path}`, join(top, path), statSync(join(top, path)).mode & 0o777);
  }
  for (const program of ['node/bin/node', '@koromix/koffi-linux-x64/linux_x64/koffi.node']) {
    addLibraries(tree, join(top, 'node_modules', program));
  }
  addProbe(tree, top, folder);
  tree.file('tare/build/vm/apparmor.policy', policy);
  await addTests(tree, top, folder, tests);
  const product = join(folder, 'disk.img');
  unlessMade(product, tree, createHash('sha256').update(kernel.release).digest('hex'), () => {
    const staged = join(folder, 'disk');
    tree.write(staged);
    rmSync(product, { force: true });
    const features = ['-O', '^has_journal', '-m', '0'];
    execFileSync('mke2fs', [
      ...['-q', '-F', '-t', 'ext4', ...features, '-d', staged, product, `${String(DISK_MEGABYTES)}M`],
    ]);
    rmSync(staged, { recursive: true });
  });
  return product;
}
