/** `many-execs.ts COUNT WEAKENING ROOT CONTAINER [PROGRAM]`: so many execs into a container of tare-oci, by one process. */
import { join } from 'node:path';
import { runCommandLine } from '../../oci/cli.ts';
import { createRuntime } from '../../oci/runtime.ts';
import { WEAKENINGS, type Weakening } from './weakenings.ts';

const [count = '0', weakening = '', root = '', container = '', program = '/bin/true'] = process.argv.slice(2);
const { plan: change }: Weakening = weakening === '' ? {} : WEAKENINGS[weakening as keyof typeof WEAKENINGS];
const runtime = createRuntime({
  shim: { program: join(import.meta.dirname, '../../build/shim/tare-shim') },
  transformPlan: (plan, purpose) => (purpose === 'exec' ? (change?.(plan, undefined) ?? plan) : plan),
});
for (let turn = 0; turn < Number(count); turn++) {
  await runCommandLine(['--root', root, 'exec', container, program], runtime);
}
process.exit(0);
