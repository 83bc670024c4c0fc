import type { Event, EventAction } from '../../shared/api/event.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { parseFilters, valuesOf } from '../format/filters.ts';
import { printable } from '../format/table.ts';
import { compileTemplate } from '../format/template.ts';
import { printSlowly } from '../output.ts';
import { moment } from './logs.ts';

const FILTERS = ['container', 'network', 'image', 'volume', 'type', 'event', 'action', 'label'];

/** What happens to things of each kind (shared/api/event.ts); importing it from there would load the schemas. */
const ACTIONS: Readonly<Record<string, readonly EventAction[]>> = {
  container: [
    'create',
    'start',
    'exec_create',
    'exec_start',
    'exec_die',
    'attach',
    'pause',
    'unpause',
    'update',
    'rename',
    'resize',
    'connect',
    'disconnect',
    'kill',
    'oom',
    'health_status',
    'top',
    'exec_detach',
    'detach',
    'die',
    'stop',
    'restart',
    'destroy',
    'commit',
    'copy',
    'export',
  ],
  network: ['network_create', 'network_destroy', 'connect', 'disconnect'],
  image: [
    'image_pull',
    'image_push',
    'image_load',
    'image_save',
    'image_import',
    'image_tag',
    'image_untag',
    'image_delete',
  ],
  volume: ['volume_create', 'volume_destroy'],
};

export const events: Command = {
  name: 'events',
  usage: '[OPTIONS]',
  summary: 'Show what happens to containers, networks, images and volumes, as it happens',
  notes: [
    'Filters: container=, network=, image=, volume=, type=, event=, label=KEY[=VALUE]; the events of networks, images and volumes themselves are called network_create, image_pull, volume_create and so on. Fields of --format are those of the API: .at, .action, .container, .network, .image, .volume, .name, …',
  ],
  flags: [
    {
      name: 'filter',
      short: 'f',
      type: 'list',
      value: 'KEY=VALUE',
      summary: 'show only what matches',
      completes: FILTERS.map((key) => `${key}=`),
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
      ...filtersOf(input.list('filter')),
      since: moment('--since', input.string('since')),
      until: moment('--until', input.string('until')),
    };
    await daemon.lines('/events', query, (event) => printSlowly(`${show(event as Event)}\n`));
    return 0;
  },
};

type Filters = Record<'container' | 'network' | 'image' | 'volume' | 'action' | 'label', string[]>;

function filtersOf(words: readonly string[]): Filters {
  const filters = parseFilters(words, FILTERS);
  return {
    container: valuesOf(filters, 'container'),
    network: valuesOf(filters, 'network'),
    image: valuesOf(filters, 'image'),
    volume: valuesOf(filters, 'volume'),
    action: [...valuesOf(filters, 'event'), ...valuesOf(filters, 'action'), ...actionsOf(valuesOf(filters, 'type'))],
    label: valuesOf(filters, 'label'),
  };
}

/** docker's "type=image" is all actions whose names begin so; those of containers have no beginning of their own. */
function actionsOf(types: readonly string[]): readonly EventAction[] {
  return types.flatMap((type) => {
    const found = ACTIONS[type];
    if (found === undefined) {
      throw new UsageError(`--filter "type=${type}" is not supported`, {
        hint: `there are ${Object.keys(ACTIONS).join(', ')}`,
      });
    }
    return found;
  });
}

/**
 * "2026-01-31T12:00:00.000000000Z container die 1f3a… (name=web, exitCode=0)", and of others
 * "… network create 9c2b… (name=back)", "… image pull sha256:5d2f… (name=debian:12)".
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
  return `${event.at} ${subjectOf(event)} (${list})`;
}

function subjectOf({ action, container, network, image, volume }: Event): string {
  if (container !== undefined) return `container ${action} ${container}`;
  const [, kind = '', what = ''] = /^([a-z]+)_(.*)$/.exec(action) ?? [];
  return `${kind} ${what} ${network ?? image ?? volume ?? ''}`;
}

function detailName(action: Event['action']): string {
  if (action === 'rename') return 'oldName';
  return action === 'connect' || action === 'disconnect' ? 'network' : 'detail';
}
