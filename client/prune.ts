/** What the commands that remove all of a kind have in common. */
import type { Arguments } from './arguments.ts';
import type { Flag } from './command.ts';
import { confirmed } from './confirm.ts';
import { valuesOf, type Filter } from './format/filters.ts';
import { size } from './format/size.ts';
import { moment } from './commands/logs.ts';

export function pruneFlags(filters: readonly string[]): readonly Flag[] {
  return [
    { name: 'force', short: 'f', type: 'boolean', summary: 'do not ask' },
    { name: 'filter', type: 'list', value: 'KEY=VALUE', summary: 'only those that match', completes: filters },
  ];
}

/** False where the user thought better of it. `what`: "all volumes that …". */
export async function sureAbout(input: Arguments, what: string): Promise<boolean> {
  return input.boolean('force') || (await confirmed(`This removes ${what}. Go on?`));
}

/** `until` and `label` of a prune's request. */
export function untilAndLabel(filters: readonly Filter[]): { until?: string; label?: string[] } {
  const until = moment('--filter until', valuesOf(filters, 'until').at(-1));
  const label = valuesOf(filters, 'label');
  return { ...(until === undefined ? {} : { until }), ...(label.length === 0 ? {} : { label }) };
}

export function reclaimedText(bytes: number): string {
  return `Total reclaimed space: ${size(bytes, 4)}\n`;
}
