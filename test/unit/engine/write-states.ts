/** Writes docs/states.md anew from the lifecycle table: `node test/unit/engine/write-states.ts`. */
import { writeFileSync } from 'node:fs';
import { lifecyclePage } from '../../../daemon/engine/lifecycle.ts';

writeFileSync(new URL('../../../docs/states.md', import.meta.url), lifecyclePage());
