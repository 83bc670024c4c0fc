/** Writes docs/cli.md: `node client/write-reference.ts`. */
import { writeFileSync } from 'node:fs';
import { loadCommands } from './commands/table.ts';
import { reference } from './reference.ts';

writeFileSync(new URL('../docs/cli.md', import.meta.url), reference(await loadCommands()));
