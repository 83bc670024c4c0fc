/**
 * Builds the daemon: dist/tared.mjs, and chunks beside it for what it loads on first use (`import()` in its sources),
 * so that an idle daemon does not keep the text and the objects of what nobody asked for.
 */
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

const PROGRAM = 'tared.mjs';
/** Their names tell their contents, so that no daemon gets a chunk of another build. */
const CHUNK = /tared-[\w-]+-[A-Z0-9]{8}\.mjs/g;

/** Into the directory `dist`, where the worker threads' programs and the package are found from every chunk alike. */
export async function buildDaemon(common: BuildOptions, dist: string): Promise<void> {
  const before = namedFrom(dist, PROGRAM);
  const { outputFiles } = await build({
    ...common,
    entryPoints: [{ in: 'daemon/main.ts', out: 'tared' }],
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'tared-[name]-[hash]',
    splitting: true,
    format: 'esm',
    // Not the identifiers: logs tell the class of an error and the functions of its stack.
    minifySyntax: true,
    minifyWhitespace: true,
    // Bundled CommonJS packages call require for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    write: false,
  });
  // The program last, and each in one step: a daemon that starts meanwhile finds one build whole.
  const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }));
  files.sort((left, right) => Number(left.name === PROGRAM) - Number(right.name === PROGRAM));
  for (const { name, contents } of files) {
    writeFileSync(join(dist, `${name}.new`), contents);
    renameSync(join(dist, `${name}.new`), join(dist, name));
  }
  // A daemon that runs since before this build may still load what belongs to it.
  const kept = new Set([...files.map(({ name }) => name), ...before]);
  for (const name of readdirSync(dist)) {
    if (name.match(CHUNK)?.[0] === name && !kept.has(name)) rmSync(join(dist, name), { force: true });
  }
}

/** The chunks that `program` names, and those that they name. */
function namedFrom(dist: string, program: string, found = new Set<string>()): Set<string> {
  let text: string;
  try {
    text = readFileSync(join(dist, program), 'utf8');
  } catch {
    // nothing was built before
    return found;
  }
  for (const name of text.match(CHUNK) ?? []) {
    if (found.has(name)) continue;
    found.add(name);
    namedFrom(dist, name, found);
  }
  return found;
}
