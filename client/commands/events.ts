import type { Event } from '../../shared/api/event.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { printable } from '../format/table.ts';
import { compileTemplate } from '../format/template.ts';
import { printSlowly } from '../output.ts';
import { moment } from './logs.ts';

export const events: Command = {
  name: 'events',
  usage: '[OPTIONS]',
  summary: 'Show what happens to containers, as it happens',
  notes: [
    'Filters: container=, event=, label=KEY[=VALUE]. Fields of --format are those of the API: .at, .action, .container, .name, …',
  ],
  flags: [
    {
      name: 'filter',
      short: 'f',
      type: 'list',
      value: 'KEY=VALUE',
      summary: 'show only what matches',
      completes: ['container=', 'event=', 'label='],
    },
    { name: 'format', type: 'string', value: 'FORMAT', summary: 'json or a Go template', completes: ['json'] },
    { name: 'since', type: 'string', value: 'TIME', summary: 'begin with what happened since then' },
    { name: 'until', type: 'string', value: 'TIME', summary: 'end then' },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input: Arguments, { daemon }: Context) {
    const format = input.string('format') ?? '';
    const show =
      format === 'json' ? (event: Event) => JSON.stringify(event) : format === '' ? eventText : compileTemplate(format);
    const query = {
      ...filters(input.list('filter')),
      since: moment('--since', input.string('since')),
      until: moment('--until', input.string('until')),
    };
    await daemon.lines('/events', query, (event) => printSlowly(`${show(event as Event)}\n`));
    return 0;
  },
};

function filters(words: readonly string[]): { container: string[]; action: string[]; label: string[] } {
  const query = { container: [] as string[], action: [] as string[], label: [] as string[] };
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) throw new UsageError(`--filter "${word}" is not KEY=VALUE`);
    const key = word.slice(0, equals);
    const value = word.slice(equals + 1);
    if (key === 'container') query.container.push(value);
    else if (key === 'event' || key === 'action') query.action.push(value);
    else if (key === 'label') query.label.push(value);
    else throw new UsageError(`--filter "${key}" is not supported`, { hint: 'there are container, event and label' });
  }
  return query;
}

/** "2026-01-31T12:00:00.000000000Z container die 1f3a… (name=web, exitCode=0)" */
function eventText(event: Event): string {
  const details = [
    ...Object.entries(event.labels),
    ...(event.exec === undefined ? [] : [['execId', event.exec] as const]),
    ...(event.exitCode === undefined ? [] : [['exitCode', String(event.exitCode)] as const]),
    ...(event.detail === undefined ? [] : [[event.action === 'rename' ? 'oldName' : 'detail', event.detail] as const]),
    ['name', event.name] as const,
  ];
  const list = details.map(([key, value]) => printable(`${key}=${value}`)).join(', ');
  return `${event.at} container ${event.action} ${event.container} (${list})`;
}
