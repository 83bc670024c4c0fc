/** The command line `tare-oci`. */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCommandLine } from './cli.ts';
import { createRuntime } from './runtime.ts';

/** dist/ and oci/ lie side by side, so that this serves the bundle and the source. */
const home = dirname(dirname(realpathSync(process.argv[1] ?? '')));

void runCommandLine(
  process.argv.slice(2),
  createRuntime({ shim: { program: join(home, 'build', 'shim', 'tare-shim') } }),
).then((code) => process.exit(code));
