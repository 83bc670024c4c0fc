/**
 * Builds what runs: the shim (build/shim/tare-shim) and one bundle for each program, because a bundle starts
 * several times faster than its sources. `node scripts/build.ts`; nothing is done twice for the same sources.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { buildShim } from './build-shim.ts';

const top = join(import.meta.dirname, '..');

const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as { version: string };

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

const programs: BuildOptions[] = [
  {
    ...common,
    entryPoints: ['daemon/main.ts'],
    outfile: 'dist/tared.mjs',
    format: 'esm',
    external: NATIVE,
    minifySyntax: true,
    minifyWhitespace: true,
    // Bundled CommonJS packages call require for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  },
  // CommonJS: Node loads it some milliseconds sooner than an ES module.
  { ...common, entryPoints: ['client/main.ts'], outfile: 'dist/tare.cjs', format: 'cjs', minify: true },
];

mkdirSync(join(top, 'dist'), { recursive: true });
buildShim();
for (const program of programs) {
  if (!existsSync(join(top, String((program.entryPoints as string[])[0]))))
    throw new Error('an entry point is missing');
  await build(program);
}
