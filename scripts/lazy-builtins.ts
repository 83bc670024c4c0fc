/**
 * For bundles whose start-up counts: modules of Node's own that are slow to load (net and what hangs on it 2 ms,
 * child_process 2.5 ms) are loaded by the first use of something in them, not by the import.
 */
import { createRequire } from 'node:module';
import type { Plugin } from 'esbuild';

const require = createRequire(import.meta.url);

/** `import { connect } from 'node:net'` for each of `names`: "node:net" … Nothing of them may be used while modules load. */
export function lazyBuiltins(names: readonly string[]): Plugin {
  return {
    name: 'lazy-builtins',
    setup(build) {
      build.onResolve({ filter: /^node:/ }, ({ path, namespace }) => {
        if (!names.includes(path)) return undefined;
        return namespace === 'lazy-builtin' ? { path, external: true } : { path, namespace: 'lazy-builtin' };
      });
      build.onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => {
        const getters = Object.keys(require(path) as object).map(
          (name) => `get ${name}() { return require(${JSON.stringify(path)}).${name}; },`,
        );
        return { contents: `module.exports = { ${getters.join(' ')} };`, loader: 'js' };
      });
    },
  };
}
