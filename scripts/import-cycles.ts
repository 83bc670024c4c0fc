/** Import cycles between the project's own files, types aside. `node scripts/import-cycles.ts` prints each and fails. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const top = join(import.meta.dirname, '..');

type Graph = ReadonlyMap<string, readonly string[]>;

/** Who imports whom, as esbuild resolves it: imports of types are gone, packages are left out. */
async function importGraph(): Promise<Graph> {
  const { metafile } = await build({
    entryPoints: globSync('{daemon,client,shared,native-bindings,scripts,test}/**/*.ts', { cwd: top }),
    absWorkingDir: top,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node24',
    write: false,
    outdir: 'out',
    metafile: true,
    logLevel: 'error',
  });
  return new Map(
    Object.entries(metafile.inputs).map(([file, { imports }]) => [
      file,
      imports.filter(({ external }) => external !== true).map(({ path }) => path),
    ]),
  );
}

/** Each cycle once, as the files on it. */
function cyclesOf(graph: Graph): string[][] {
  const done = new Set<string>();
  const path: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) cycles.push(path.slice(at));
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const imported of graph.get(file) ?? []) visit(imported);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

const graph = await importGraph();
const cycles = cyclesOf(graph);
for (const cycle of cycles) console.error(`import cycle: ${[...cycle, cycle[0]].join(' → ')}`);
console.log(`${graph.size} files, ${cycles.length} import cycles`);
process.exitCode = cycles.length === 0 ? 0 : 1;
