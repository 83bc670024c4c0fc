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
  summary: 'Show what happens to containers and networks, as it happens',
  notes: [
    'Filters: container=, network=, event=, label=KEY[=VALUE]; the events of networks themselves are network_create and network_destroy. Fields of --format are those of the API: .at, .action, .container, .network, .name, …',
  ],
  flags: [
    {
      name: 'filter',
      short: 'f',
      type: 'list',
      value: 'KEY=VALUE',
      summary: 'show only what matches',
      completes: ['container=', 'network=', 'event=', 'label='],
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

type Filters = Record<'container' | 'network' | 'action' | 'label', string[]>;

function filters(words: readonly string[]): Filters {
  const query: Filters = { container: [], network: [], action: [], label: [] };
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) throw new UsageError(`--filter "${word}" is not KEY=VALUE`);
    const key = word.slice(0, equals);
    const value = word.slice(equals + 1);
    if (key === 'container' || key === 'network' || key === 'label') query[key].push(value);
    else if (key === 'event' || key === 'action') query.action.push(value);
    else
      throw new UsageError(`--filter "${key}" is not supported`, {
        hint: 'there are container, network, event and label',
      });
  }
  return query;
}

/**
 * "2026-01-31T12:00:00.000000000Z container die 1f3a… (name=web, exitCode=0)", and of a network
 * "… network create 9c2b… (name=back)".
 */
export function eventText(event: Event): string {
  const details = [
    ...Object.entries(event.labels),
    ...(event.exec === undefined ? [] : [['execId', event.exec] as const]),
    ...(event.exitCode === undefined ? [] : [['exitCode', String(event.exitCode)] as const]),
    ...(event.detail === undefined ? [] : [[detailName(event.action), event.detail] as const]),
    ['name', event.name] as const,
  ];
  const list = details.map(([key, value]) => printable(`${key}=${value}`)).join(', ');
  const { container } = event;
  const subject =
    container === undefined
      ? `network ${event.action.replace(/^network_/, '')} ${event.network ?? ''}`
      : `container ${event.action} ${container}`;
  return `${event.at} ${subject} (${list})`;
}

function detailName(action: Event['action']): string {
  if (action === 'rename') return 'oldName';
  return action === 'connect' || action === 'disconnect' ? 'network' : 'detail';
}
