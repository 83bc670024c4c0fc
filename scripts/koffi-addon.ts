/**
 * For bundles whose start-up counts: koffi's native add-on without koffi's own JavaScript, which reads its own program
 * and tries several places to find the add-on (5 ms of 7). Where it is, is found here, once, by letting koffi find it.
 */
import { createRequire } from 'node:module';
import { dirname, relative } from 'node:path';
import type { Plugin } from 'esbuild';

const require = createRequire(import.meta.url);

/** Absolute path of the add-on that koffi takes on this machine. */
function findAddon(): string {
  require('koffi');
  const found = Object.keys(require.cache).find((path) => path.endsWith('koffi.node'));
  if (found === undefined) throw new Error('koffi has loaded no add-on');
  return found;
}

/**
 * `import koffi from 'koffi'` in a bundle written to `outfile` becomes an object with all that koffi has. The add-on is
 * loaded by the first use of any of it, from its place relative to the bundle.
 */
export function koffiAddon(outfile: string): Plugin {
  const addon = relative(dirname(outfile), findAddon());
  const names = Object.keys(require('koffi') as object).filter((name) => name !== 'default');
  return {
    name: 'koffi-addon',
    setup(build) {
      build.onResolve({ filter: /^koffi$/ }, () => ({ path: 'koffi', namespace: 'koffi-addon' }));
      build.onLoad({ filter: /.*/, namespace: 'koffi-addon' }, () => ({
        contents: `
          let loaded;
          const addon = () => (loaded ??= require(require('node:path').join(__dirname, ${JSON.stringify(addon)})));
          module.exports = { ${names.map((name) => `get ${name}() { return addon().${name}; },`).join(' ')} };`,
        loader: 'js',
      }));
    },
  };
}
