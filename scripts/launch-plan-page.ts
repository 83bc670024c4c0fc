/**
 * docs/launch-plan.md, from the table of operations and the comments that stand in it.
 * `node scripts/launch-plan-page.ts` writes the page; a test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPERATIONS, PLAN_VERSION, type OperationName } from '../daemon/runtime/plan/operations.ts';

const top = join(import.meta.dirname, '..');
const TABLE = join(top, 'daemon/runtime/plan/operations.ts');
export const PAGE = join(top, 'docs/launch-plan.md');

/** The comment above each operation of the table, as one line. */
function comments(): Map<string, string> {
  const found = new Map<string, string>();
  const source = readFileSync(TABLE, 'utf8');
  for (const [, comment = '', name = ''] of source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+(\w+): \{/g)) {
    found.set(name, comment.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim());
  }
  return found;
}

export function launchPlanPage(): string {
  const said = comments();
  const rows = Object.entries(OPERATIONS).map(([name, { code, room, fields }]) => {
    const list = Object.entries(fields)
      .map(([field, kind]) => `${field}: ${kind}`)
      .join(', ');
    return { name: name as OperationName, code, room, list, comment: said.get(name) ?? '' };
  });
  const section = (room: string) =>
    [
      '| code | operation | fields | what it does |',
      '|---|---|---|---|',
      ...rows
        .filter((row) => row.room === room)
        .map((row) => `| ${row.code} | \`${row.name}\` | ${row.list} | ${row.comment.replaceAll('|', '\\|')} |`),
    ].join('\n');
  return `# The launch plan, version ${PLAN_VERSION}

Generated from \`daemon/runtime/plan/operations.ts\` by \`scripts/launch-plan-page.ts\`. \`build/shim/tare-shim --dump-plan FILE\` prints an encoded plan, one operation a line.

A plan is a flat, ordered list of operations with every value resolved. Kinds of fields and their bytes: \`shared/wire/fields.ts\`. Fields named \`path\` and \`target\` are paths inside the container's root, resolved by descriptor; \`host\`, \`source\`, \`lower\`, \`upper\`, \`work\` and \`at\` are paths on the host.

## The shim's operations

Done by the shim, as root on the host: those before \`clone\` when there is no child yet, those after it while init is already at work.

${section('shim')}

## Init's operations

Done by the child, in the order of the plan. Those of code ${OPERATIONS.system_call.code} are one system call each, and are encoded as \`system_call\` (\`daemon/runtime/plan/calls.ts\`).

${section('init')}
`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(PAGE, launchPlanPage());
