/** Writes docs/api.md from the table of routes. test/unit/api/documentation.test.ts fails when it is out of date. */
import { writeFileSync } from 'node:fs';
import { documentationText } from '../daemon/api/documentation.ts';
import { ROUTES } from '../daemon/api/routes.ts';

writeFileSync(new URL('../docs/api.md', import.meta.url), documentationText(ROUTES));
