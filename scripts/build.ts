/**
 * Builds what runs: the shim (build/shim/tare-shim) and one bundle for each program, the daemon's in chunks, because
 * a bundle starts several times faster than its sources. `node scripts/build.ts`; nothing is done twice for the same sources.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { buildDaemon } from './build-daemon.ts';
import { buildShim } from './build-shim.ts';
import { addCodeCache } from './code-cache.ts';
import { koffiAddon } from './koffi-addon.ts';
import { lazyBuiltins } from './lazy-builtins.ts';

const top = join(import.meta.dirname, '..');

const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as { version: string };

/** A text in JavaScript, of a checkout; "undefined" for sources that came otherwise. */
function commit(): string {
  try {
    const hash = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: top, encoding: 'utf8', stdio: 'pipe' });
    return JSON.stringify(hash.trim());
  } catch {
    return 'undefined';
  }
}

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  logLevel: 'warning',
  legalComments: 'none',
  define: { TARE_VERSION: JSON.stringify(version) },
  absWorkingDir: top,
};

/** Native add-ons cannot be bundled; they are found in node_modules beside dist/. */
const NATIVE = ['koffi', 'better-sqlite3'];

/** What `tare-oci` does without in most of its commands. */
const SLOW_BUILTINS = ['node:tty', 'node:net', 'node:child_process', 'node:timers/promises'];

const programs: BuildOptions[] = [
  // The threads of daemon/images/unpack, which are found beside the daemon's bundle.
  {
    ...common,
    entryPoints: ['daemon/images/unpack/worker.ts'],
    outfile: 'dist/unpack-worker.mjs',
    format: 'esm',
    external: NATIVE,
    minifySyntax: true,
    minifyWhitespace: true,
  },
  // And those that fill volumes (daemon/engine/mounts/copy-up).
  {
    ...common,
    entryPoints: ['daemon/engine/mounts/copy-up/worker.ts'],
    outfile: 'dist/fill-worker.mjs',
    format: 'esm',
    external: NATIVE,
    minifySyntax: true,
    minifyWhitespace: true,
  },
  // The threads of daemon/engine/files, likewise.
  {
    ...common,
    entryPoints: ['daemon/engine/files/worker.ts'],
    outfile: 'dist/files-worker.mjs',
    format: 'esm',
    external: NATIVE,
    minifySyntax: true,
    minifyWhitespace: true,
  },
  // CommonJS: Node loads it some milliseconds sooner than an ES module.
  { ...common, entryPoints: ['client/main.ts'], outfile: 'dist/tare.cjs', format: 'cjs', minify: true },
  {
    ...common,
    entryPoints: ['oci/main.ts'],
    outfile: 'dist/tare-oci.cjs',
    format: 'cjs',
    minify: true,
    define: { ...common.define, TARE_COMMIT: commit() },
    plugins: [koffiAddon(join(top, 'dist/tare-oci.cjs')), lazyBuiltins(SLOW_BUILTINS)],
  },
];

mkdirSync(join(top, 'dist'), { recursive: true });
buildShim();
await buildDaemon({ ...common, external: NATIVE }, join(top, 'dist'));
for (const program of programs) {
  if (!existsSync(join(top, String((program.entryPoints as string[])[0]))))
    throw new Error('an entry point is missing');
  await build(program);
}
// The flags are those of the launchers in bin/.
addCodeCache(join(top, 'dist/tare.cjs'), []);
addCodeCache(join(top, 'dist/tare-oci.cjs'), ['--jitless']);
