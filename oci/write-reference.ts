/** Writes docs/oci.md: `node oci/write-reference.ts`. */
import { writeFileSync } from 'node:fs';
import { loadCommands } from './commands/table.ts';
import { reference } from './reference.ts';

writeFileSync(new URL('../docs/oci.md', import.meta.url), reference(await loadCommands()));
