/**
 * tare-oci with defences taken away: `weakened.ts NAME[,NAME…] ARGUMENTS of tare-oci`. No name: as it is shipped, which
 * shows that this program does not itself make the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommandLine } from '../../oci/cli.ts';
import { createRuntime } from '../../oci/runtime.ts';
import type { Spec } from '../conformance/config.ts';
import { WEAKENINGS, type Made, type Weakening } from './weakenings.ts';

const [names = '', ...given] = process.argv.slice(2);
const weakenings: Weakening[] = names
  .split(',')
  .filter((name) => name !== '')
  .map((name) => WEAKENINGS[name as keyof typeof WEAKENINGS]);

/** What the container was to be, before anything was taken out. */
function weakenConfig(words: readonly string[]): Made | undefined {
  const at = words.indexOf('--bundle');
  const bundle = at < 0 ? undefined : words[at + 1];
  if (bundle === undefined) return undefined;
  const file = join(bundle, 'config.json');
  const spec = JSON.parse(readFileSync(file, 'utf8')) as Spec;
  const changed = structuredClone(spec);
  for (const { config } of weakenings) config?.({ spec: changed, bundle });
  writeFileSync(file, JSON.stringify(changed));
  return { spec, bundle };
}

const made = weakenConfig(given);
const command = given.findIndex((word) => word === 'create');
const more = command < 0 ? [] : weakenings.flatMap(({ words = [] }) => words);
const words = [...given.slice(0, command + 1), ...more, ...given.slice(command + 1)];

const copy = weakenings.find((weakening) => weakening.copy !== undefined)?.copy;
const runtime = createRuntime({
  shim: {
    program: join(import.meta.dirname, '../../build/shim/tare-shim'),
    ...(copy === undefined ? {} : { copy }),
  },
  transformPlan: (plan, purpose) =>
    purpose === 'init' || purpose === 'exec'
      ? weakenings.reduce((changed, { plan: change }) => change?.(changed, made) ?? changed, plan)
      : plan,
});
process.exit(await runCommandLine(words, runtime));
